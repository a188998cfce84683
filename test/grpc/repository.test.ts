import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repositoryErrors } from '#naiad/errors/catalogue.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { TestClient } from '../support/client.js';
import { encodeMessage } from '../support/infer-protos.js';
import { RawClient } from '../support/raw-client.js';
import { type Harness, openHarness } from './harness.js';
import { framed, openCall, openSession, refusalOf } from './raw-stream.js';
import { ServiceClient } from './service-client.js';

const LOAD = '/inference.GRPCInferenceService/RepositoryModelLoad';
const UNLOAD = '/inference.GRPCInferenceService/RepositoryModelUnload';
const PLAIN = { config: null, files: new Map(), rollback: false };

let harness: Harness;
let client: TestClient;

beforeAll(async () => {
  harness = await openHarness();
  client = new TestClient(harness.door.port);
});

afterAll(async () => {
  client.close();
  await harness.door.close(0);
});

beforeEach(() => {
  const { service } = harness;
  service.controlled = async () => {};
  service.loads.length = 0;
  service.unloads.length = 0;
});

describe('RepositoryModelLoad', () => {
  it('loads what lies in the repository', async () => {
    expect(await client.call('RepositoryModelLoad', { model_name: 'm' })).toEqual({});
    expect(harness.service.loads).toEqual([{ name: 'm', options: PLAIN }]);
    expect(harness.service.isModelReady('m', '')).toBe(true);
  });

  it('loads a configuration and files, or goes back', async () => {
    await client.call('RepositoryModelLoad', {
      model_name: 'm',
      parameters: {
        config: { string_param: '{"backend":"onnxruntime"}' },
        'file:1/model.onnx': { bytes_param: Buffer.from('onnx') },
      },
    });
    await client.call('RepositoryModelLoad', {
      model_name: 'm',
      parameters: { rollback: { bool_param: true } },
    });
    const files = new Map([['1/model.onnx', Buffer.from('onnx')]]);
    expect(harness.service.loads).toEqual([
      { name: 'm', options: { config: '{"backend":"onnxruntime"}', files, rollback: false } },
      { name: 'm', options: { ...PLAIN, rollback: true } },
    ]);
  });

  it('answers when it is done', async () => {
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    harness.service.controlled = () => done;
    let isAnswered = false;
    const answer = client.call('RepositoryModelLoad', { model_name: 'm' }).then(() => {
      isAnswered = true;
    });
    // Other calls are answered meanwhile, which come and go on the same connection.
    for (let call = 0; call < 3; call++) await client.call('ServerLive');
    expect(harness.service.loads).toHaveLength(1);
    expect(isAnswered).toBe(false);
    finish();
    await answer;
  });

  it.each([
    ['nope', { string_param: 'x' }, "unrecognized load parameter 'nope'."],
    [
      'config',
      { bytes_param: Buffer.of(1) },
      "invalid value type for load parameter 'config', expected string_param.",
    ],
    ['config', {}, "invalid value type for load parameter 'config', expected string_param."],
    ['file:a', { int64_param: 1 }, "invalid value type for load parameter 'file:a', expected bytes_param."],
  ])('refuses the parameter %s = %j', async (key, value, details) => {
    const request = { model_name: 'm', parameters: { [key]: value } };
    expect(await client.failure('RepositoryModelLoad', request)).toEqual({
      code: status.INVALID_ARGUMENT,
      details,
    });
    expect(harness.service.loads).toEqual([]);
  });

  it('refuses the name of a repository before it looks at parameters', async () => {
    const request = { repository_name: 'r', model_name: 'm', parameters: { nope: {} } };
    const refusal = {
      code: status.UNIMPLEMENTED,
      details: "'repository_name' specification is not supported",
    };
    expect(await client.failure('RepositoryModelLoad', request)).toEqual(refusal);
    expect(await client.failure('RepositoryModelUnload', request)).toEqual(refusal);
    expect(await client.failure('RepositoryModelLoad', { ...request, model_name: '' })).toEqual(refusal);
  });

  it('answers with what kept it from being done, line feeds and all', async () => {
    const failures = [
      { version: 1, reason: 'no such file' },
      { version: 3, reason: 'no memory' },
    ];
    harness.service.controlled = () => Promise.reject(repositoryErrors.loadFailed('m', failures));
    expect(await client.failure('RepositoryModelLoad', { model_name: 'm' })).toEqual({
      code: status.INVALID_ARGUMENT,
      details:
        "load failed for model 'm': version 1 is at UNAVAILABLE state: no such file;version 3 is at UNAVAILABLE state: no memory;\n",
    });
  });

  it('is no fault of the server when it can not be done', async () => {
    harness.service.controlled = () => Promise.reject(repositoryErrors.notInRepository('m'));
    harness.log.lines.length = 0;
    const failure = await client.failure('RepositoryModelLoad', { model_name: 'm' });
    expect(failure).toMatchObject({ code: status.INTERNAL });
    expect(harness.log.lines).toEqual([
      {
        level: 'warn',
        fields: { method: LOAD, reason: "failed to load 'm', failed to poll from model repository" },
        message: 'what a request asked for can not be done',
      },
    ]);
  });

  it('takes messages that other methods do not, and holds names to their bounds', async () => {
    const content = Buffer.alloc(LIMITS.otherRequestBytesMax + 1, 7);
    const parameters = { config: { string_param: '{}' }, 'file:1/m': { bytes_param: content } };
    await client.call('RepositoryModelLoad', { model_name: 'm', parameters });
    expect(Buffer.compare(harness.service.loads[0]?.options.files.get('1/m') ?? Buffer.of(), content)).toBe(
      0,
    );
    expect(await client.failure('RepositoryModelUnload', { model_name: 'm', parameters })).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      details: `A request of this method has at most ${LIMITS.otherRequestBytesMax} bytes`,
    });
    const name = 'x'.repeat(LIMITS.nameBytesMax + 1);
    expect(await client.failure('RepositoryModelLoad', { model_name: name })).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('malformed request message'),
    });
  });

  it('goes on when its caller does not wait, and holds its memory until it has ended', async () => {
    const bytesMax = 1_000_000;
    const small = await openHarness({ limits: { ...LIMITS, inFlightBytesMax: bytesMax } });
    let finish = (): void => {};
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    small.service.controlled = () => done;
    const message = (bytes: number): Buffer =>
      encodeMessage('RepositoryModelLoadRequest', {
        model_name: 'm',
        parameters: { config: { string_param: '{}' }, 'file:a': { bytes_param: Buffer.alloc(bytes) } },
      });
    const session = await openSession(small.door.port);
    const first = openCall(session, LOAD);
    first.end(framed(message(480_000)));
    while (small.service.loads.length === 0) await new Promise((resolve) => setImmediate(resolve));
    first.close(8);
    await once(first, 'close');
    // While it comes a message counts twice.
    const refused = openCall(session, LOAD);
    refused.end(framed(message(480_000)));
    expect(await refusalOf(refused)).toMatchObject({ code: status.UNAVAILABLE });
    finish();
    await done;
    const second = openCall(session, LOAD);
    second.end(framed(message(480_000)));
    second.resume();
    const [trailers] = await once(second, 'trailers');
    expect(trailers['grpc-status']).toBe('0');
    session.destroy();
    await small.door.close(0);
  });
});

describe('RepositoryModelUnload', () => {
  it('unloads a model, with what depends on it when asked to', async () => {
    expect(await client.call('RepositoryModelUnload', { model_name: 'echo' })).toEqual({});
    await client.call('RepositoryModelUnload', {
      model_name: 'echo',
      parameters: { unload_dependents: { bool_param: true }, nope: { string_param: 'x' } },
    });
    expect(harness.service.unloads).toEqual([
      { name: 'echo', dependents: false },
      { name: 'echo', dependents: true },
    ]);
  });

  it('refuses another type of its parameter', async () => {
    const parameters = { unload_dependents: { string_param: 'true' } };
    expect(await client.failure('RepositoryModelUnload', { model_name: 'echo', parameters })).toEqual({
      code: status.INVALID_ARGUMENT,
      details: "invalid value type for 'unload_dependents' parameter, expected bool_param.",
    });
  });
});

describe("KServe's messages", () => {
  it.each([
    ['load', LOAD],
    ['unload', UNLOAD],
  ])('of %s have the name first and are answered with it', async (verb, path) => {
    const raw = new RawClient(harness.door.port);
    const answer = await raw.send(path, Buffer.from('0a046563686f', 'hex'));
    expect(answer).toEqual({ kind: 'ok', bytes: Buffer.from('0a046563686f1001', 'hex') });
    const { loads, unloads } = harness.service;
    expect((verb === 'load' ? loads : unloads).map(({ name }) => name)).toEqual(['echo']);
    raw.close();
  });
});

describe('naiad.v1.ModelLifecycle', () => {
  let own: ServiceClient;

  beforeAll(() => {
    own = new ServiceClient(harness.door.port, 'naiad.v1.ModelLifecycle', 'naiad.proto');
  });

  afterAll(() => own.close());

  it('tells the history of a model', async () => {
    harness.service.histories.set('m', [
      { atMs: 1_700_000_000_123, version: null, event: 'rejected', why: 'no such backend', steps: [] },
      {
        atMs: 1_700_000_000_456.5,
        version: 3,
        event: 'ready',
        why: 'new version',
        steps: [
          { name: 'session', ms: 12.5 },
          { name: 'warm-up', ms: 3 },
        ],
      },
    ]);
    expect(await own.call('ModelHistory', { name: 'm' })).toEqual({
      entries: [
        { at_ms: '1700000000123', version: '', event: 'rejected', why: 'no such backend', steps: [] },
        {
          at_ms: '1700000000456',
          version: '3',
          event: 'ready',
          why: 'new version',
          steps: [
            { name: 'session', ms: 12.5 },
            { name: 'warm-up', ms: 3 },
          ],
        },
      ],
    });
    expect(await own.call('ModelHistory', { name: 'nobody' })).toEqual({ entries: [] });
  });

  it('rolls back', async () => {
    expect(await own.call('Rollback', { name: 'm' })).toEqual({});
    expect(harness.service.loads).toEqual([{ name: 'm', options: { ...PLAIN, rollback: true } }]);
    harness.service.controlled = () => Promise.reject(repositoryErrors.noRollback('m'));
    await expect(own.call('Rollback', { name: 'm' })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
  });

  it('holds names to their bounds', async () => {
    const name = 'x'.repeat(LIMITS.nameBytesMax + 1);
    for (const method of ['ModelHistory', 'Rollback']) {
      await expect(own.call(method, { name })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    }
  });
});

it('nothing is loaded, unloaded or rolled back when the server stops', async () => {
  const stopping = await openHarness();
  stopping.door.stopAccepting();
  const raw = new RawClient(stopping.door.port);
  for (const path of [LOAD, UNLOAD, '/naiad.v1.ModelLifecycle/Rollback']) {
    expect(await raw.send(path, Buffer.alloc(0))).toEqual({
      kind: 'failed',
      code: status.UNAVAILABLE,
      details: 'GRPC server is shutting down and has stopped accepting new requests.',
    });
  }
  expect(await raw.send('/naiad.v1.ModelLifecycle/ModelHistory', Buffer.alloc(0))).toMatchObject({
    kind: 'ok',
  });
  raw.close();
  await stopping.door.close(0);
});
