import { afterAll, beforeAll, expect, it } from 'vitest';
import { testGrpc, testHttp } from '../support/door-settings.js';
import { startTestServer, type TestServer, testLifecycle } from '../support/server.js';
import { cli } from './run-cli.js';

const restrictions = [
  {
    categories: ['health', 'model-repository', 'inference', 'metadata', 'model-config'],
    header: 'Key',
    value: 'a=b',
  },
] as const;
let server: TestServer;
let url: string;

beforeAll(async () => {
  server = await startTestServer({
    lifecycle: testLifecycle({ controlMode: 'explicit', loadModels: ['simple'] }),
    grpc: testGrpc({ restrictions }),
    http: testHttp({ restrictions }),
  });
  url = `--url=127.0.0.1:${server.server.grpcPort}`;
});
afterAll(() => server.stop());

const GRPC_HEADER = '--header=triton-grpc-protocol-key=a=b';

it('restricted APIs answer commands that send the header', async () => {
  expect(await cli('health', url, GRPC_HEADER)).toMatchObject({ code: 0 });
  expect(await cli('health', `--url=${server.httpUrl}`, '--header=key=a=b')).toMatchObject({ code: 0 });
  expect(await cli('models', url, GRPC_HEADER)).toMatchObject({
    code: 0,
    out: expect.stringContaining('simple'),
  });
  const ones = JSON.stringify([Array(16).fill(1)]);
  const inputs = [`--input=INPUT0=${ones}`, `--input=INPUT1=${ones}`];
  expect(await cli('infer', 'simple', url, GRPC_HEADER, ...inputs)).toMatchObject({ code: 0 });
});

it('and refuse those that do not', async () => {
  expect(await cli('models', url)).toMatchObject({
    code: 1,
    err: expect.stringContaining("expecting header 'triton-grpc-protocol-Key'"),
  });
});

it('a header has a name and a value', async () => {
  expect(await cli('models', url, '--header=s3cret')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/--header: expected NAME=VALUE\n(?!.*s3cret)/s),
  });
});
