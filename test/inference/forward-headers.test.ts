import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GrpcDoor, openGrpcDoor } from '#naiad/grpc/door.js';
import { type HttpDoor, openHttpDoor } from '#naiad/http/door.js';
import { forwardHeaders, withHeaders } from '#naiad/inference/forward-headers.js';
import { DEFAULT_OPTIONS } from '#naiad/inference/request-options.js';
import { systemClock } from '#naiad/lib/clock.js';
import { TestClient } from '../support/client.js';
import { testGrpc, testHttp } from '../support/door-settings.js';
import { MemoryService } from '../support/memory-service.js';
import { fp32 } from '../support/messages.js';
import { RecordedLog } from '../support/recorded-log.js';

const headerPattern = /^x-|^triton_/i;
let service: MemoryService;
let grpc: GrpcDoor;
let http: HttpDoor;
let client: TestClient;

beforeAll(async () => {
  service = new MemoryService();
  const log = new RecordedLog();
  grpc = await openGrpcDoor({ service, settings: testGrpc({ headerPattern }), clock: systemClock, log });
  http = await openHttpDoor({ service, settings: testHttp({ headerPattern }), log });
  client = new TestClient(grpc.port);
});
afterAll(async () => {
  client.close();
  await Promise.all([grpc.close(0), http.close(0)]);
});

const overGrpc = (metadata: Record<string, string>, parameters = {}): Promise<unknown> =>
  client.infer(
    {
      model_name: 'echo',
      parameters,
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1] }],
      raw_input_contents: [fp32(1)],
    },
    { metadata },
  );

const overHttp = (headers: Record<string, string>): Promise<Response> =>
  fetch(`http://127.0.0.1:${http.port}/v2/models/echo/infer`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1], data: [1] }] }),
  });

const lastCustom = (): unknown => Object.fromEntries(service.requests.at(-1)?.options.custom ?? []);

describe('headers that the pattern names', () => {
  it('become parameters of requests over gRPC', async () => {
    await overGrpc(
      { 'x-user': 'me', other: 'no' },
      { own: { int64_param: 5 }, 'x-user': { string_param: 'them' } },
    );
    expect(lastCustom()).toEqual({ own: 5n, 'x-user': 'me' });
  });

  it('become parameters of requests over HTTP', async () => {
    expect((await overHttp({ 'X-User': 'me', Other: 'no' })).status).toBe(200);
    expect(lastCustom()).toEqual({ 'x-user': 'me' });
  });

  it('must not be those with a meaning of their own', async () => {
    const text = "Header 'triton_x' is reserved for Triton usage and cannot be forwarded.";
    await expect(overGrpc({ triton_x: '1' })).rejects.toMatchObject({ details: text });
    const refused = await overHttp({ triton_x: '1' });
    expect([refused.status, await refused.json()]).toEqual([400, { error: text }]);
  });

  it('are none without a pattern, which leaves the options as they are', () => {
    const { parameters, problem } = forwardHeaders(null, [['x-user', 'me']]);
    expect([parameters.size, problem]).toEqual([0, null]);
    expect(withHeaders(DEFAULT_OPTIONS.options, parameters)).toBe(DEFAULT_OPTIONS.options);
  });
});
