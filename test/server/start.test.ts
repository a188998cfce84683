import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkRepositories } from '#naiad/server/check.js';
import { startServer } from '#naiad/server/server.js';
import { testGrpc, testHttp } from '../support/door-settings.js';
import { identityRequest, simpleRequest } from '../support/messages.js';
import { addSub } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer, testSettings } from '../support/server.js';

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

function repository(files: Record<string, string | Uint8Array>): string {
  const made = new TestRepository(files);
  cleanup.push(() => made.remove());
  return made.directory;
}

async function serve(directory: string, overrides = {}): Promise<TestServer> {
  const server = await startTestServer({ modelRepositories: [directory], ...overrides });
  cleanup.push(() => server.stop());
  return server;
}

const BROKEN = {
  'corrupt/1/model.onnx': 'this is no ONNX file',
  'typo/config.pbtxt': 'backend: "identity"\nmax_batchsize: 4\n',
  'typo/1/.keep': '',
  'empty/config.pbtxt': 'backend: "identity"\n',
  'foreign/config.pbtxt': 'backend: "tensorrt"\n',
  'foreign/1/model.plan': '',
};

describe('a bad model', () => {
  it('stops neither the others nor the server, and tells why', async () => {
    const server = await serve(repository({ ...identityModel('good', identityConfig()), ...BROKEN }));
    const table = server.server.modelTable();
    expect(table.filter(({ status }) => status === 'READY')).toEqual([
      { model: 'good', version: '1', status: 'READY' },
    ]);
    expect(table.map(({ model }) => model).sort()).toEqual(['corrupt', 'empty', 'foreign', 'good', 'typo']);
    expect(table.find(({ model }) => model === 'typo')?.status).toMatch(
      /config\.pbtxt:2: .*max_batchsize.*did you mean 'max_batch_size'/,
    );
    expect(table.find(({ model }) => model === 'corrupt')?.status).toMatch(/^UNAVAILABLE: ./);
    expect(server.server.anyLoadFailed).toBe(true);
    await expect(server.client.infer(identityRequest('good', [1, 2]))).resolves.toMatchObject({
      model_name: 'good',
    });
    expect((await server.client.failure('ModelInfer', identityRequest('corrupt', [1]))).details).toBe(
      "Request for unknown model: 'corrupt' has no available versions",
    );
    const { models } = (await server.client.call('RepositoryIndex')) as {
      models: { name: string; reason: string }[];
    };
    for (const name of Object.keys(BROKEN).map((path) => path.split('/')[0])) {
      expect(models.find((model) => model.name === name)?.reason).not.toBe('');
    }
  });

  it('makes the server not ready, unless readiness is not strict', async () => {
    const directory = repository({ ...identityModel('good', identityConfig()), ...BROKEN });
    const strict = await serve(directory);
    expect(await strict.client.call('ServerReady')).toEqual({ ready: false });
    expect((await fetch(`${strict.httpUrl}/v2/health/ready`)).status).toBe(400);
    expect((await fetch(`${strict.httpUrl}/v2/health/live`)).status).toBe(200);
    const lenient = await serve(directory, { strictReadiness: false });
    expect(await lenient.client.call('ServerReady')).toEqual({ ready: true });
  });

  it('is found by a check, with all its findings', async () => {
    const report = await checkRepositories(
      [repository({ ...identityModel('good', identityConfig()), ...BROKEN })],
      {
        log: new RecordedLog(),
        autoComplete: true,
      },
    );
    expect(report.ok).toBe(false);
    expect(report.models.filter(({ ok }) => ok).map(({ name }) => name)).toEqual(['good']);
    expect(report.models.find(({ name }) => name === 'typo')?.findings).toMatchObject([
      { severity: 'error', file: 'config.pbtxt', line: 2 },
    ]);
  });
});

describe('a model without a configuration', () => {
  it('is completed from the model', async () => {
    const server = await serve(repository({ 'simple/3/model.onnx': addSub() }));
    expect(server.server.modelTable()).toEqual([{ model: 'simple', version: '3', status: 'READY' }]);
    expect(await server.client.call('ModelConfig', { name: 'simple' })).toMatchObject({
      config: { max_batch_size: 4, dynamic_batching: { preferred_batch_size: [4] } },
    });
    await expect(server.client.infer(simpleRequest())).resolves.toMatchObject({ model_version: '3' });
  });
});

describe('versions', () => {
  it('follow the policy', async () => {
    const files = Object.fromEntries([1, 2, 10].map((version) => [`m/${version}/.keep`, '']));
    const served = async (policy: string): Promise<string[]> => {
      const server = await serve(repository({ ...files, 'm/config.pbtxt': identityConfig({}, policy) }));
      return server.server.modelTable().map(({ version }) => version);
    };
    expect(await served('')).toEqual(['10']);
    expect(await served('version_policy { latest { num_versions: 2 } }')).toEqual(['2', '10']);
    expect(await served('version_policy { all { } }')).toEqual(['1', '2', '10']);
    expect(await served('version_policy { specific { versions: [ 1 ] } }')).toEqual(['1']);
  });

  it('of a model in two repositories are not served', async () => {
    const files = identityModel('twice', identityConfig());
    const server = await startTestServer({ modelRepositories: [repository(files), repository(files)] });
    cleanup.push(() => server.stop());
    expect(server.server.modelTable()).toMatchObject([
      { model: 'twice', status: expect.stringContaining('UNAVAILABLE') },
    ]);
  });
});

describe('a start that cannot work', () => {
  it('names the port that is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const directory = repository(identityModel('m', identityConfig()));
    const start = (door: 'grpc' | 'http') =>
      startServer(
        testSettings({
          modelRepositories: [directory],
          ...(door === 'grpc' ? { grpc: testGrpc({ port }) } : { http: testHttp({ port }) }),
        }),
        new RecordedLog(),
      );
    await expect(start('grpc')).rejects.toThrow(String(port));
    await expect(start('http')).rejects.toThrow(String(port));
  });

  it('names the repository that is missing', async () => {
    await expect(
      startServer(testSettings({ modelRepositories: ['/no/such/folder'] }), new RecordedLog()),
    ).rejects.toThrow('/no/such/folder');
  });
});
