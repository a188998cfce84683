import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-client.js';
import { adder, adderConfig } from '../support/reload-models.js';
import { ReloadServer } from '../support/reload-server.js';

const SERVICE = '/inference.GRPCInferenceService';

/** Models of their own for each case; `m` is loaded already. */
let server: ReloadServer;
beforeAll(async () => {
  const models = ['m', 'later', 'several', 'overridden', 'sent', 'raced', 'wrong'].map((name, index) => ({
    [`${name}/config.pbtxt`]: adderConfig(),
    [`${name}/1/model.onnx`]: adder(index),
  }));
  server = await ReloadServer.start('explicit', Object.assign({}, ...models), {
    lifecycle: { loadModels: ['m'] },
  });
});
afterAll(() => server.stop());

/** What each of some calls came to. */
async function outcomes(...calls: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((result) => (result.status === 'fulfilled' ? 'done' : result.reason.details));
}

const OUTDATED =
  'Newer operation has been applied to the model lifecycle, current load operation is out-dated.';

describe('a load', () => {
  it('serves a model that was not', async () => {
    expect(await server.index('later')).toEqual([{ name: 'later', version: '', state: '', reason: '' }]);
    await server.load('later');
    expect(await server.answer('later')).toEqual({ version: '1', content: 1 });
  });

  it('does nothing when nothing has changed', async () => {
    const happened = server.log.happenings.length;
    await server.load('m');
    expect(server.log.told(happened)).toEqual([]);
  });

  it('of what is not there, or is broken, says so', async () => {
    expect(await server.test.client.failure('RepositoryModelLoad', { model_name: 'nobody' })).toEqual({
      code: status.INTERNAL,
      details: "failed to load 'nobody', failed to poll from model repository",
    });
    server.repository.write({ 'wrong/1/model.onnx': 'no model' });
    expect(await server.test.client.failure('RepositoryModelLoad', { model_name: 'wrong' })).toEqual({
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(
        /^load failed for model 'wrong': version 1 is at UNAVAILABLE state: Internal: .*;\n$/,
      ),
    });
    expect(await server.index('wrong')).toMatchObject([{ version: '1', state: 'UNAVAILABLE' }]);
  });

  it('of the same model by several clients at once is one load', async () => {
    const happened = server.log.happenings.length;
    const loads = Array.from({ length: 5 }, () => server.load('several'));
    expect(await outcomes(...loads)).toEqual(Array(5).fill('done'));
    expect(server.log.happenings.slice(happened).map(({ event }) => event)).toEqual(['loading', 'ready']);
  });
});

describe('as tritonclient sends them', () => {
  it('a configuration takes the place of that in the repository, until the next plain load', async () => {
    await server.load('overridden');
    const sizeOf = () => server.maxBatchSize('overridden');
    expect(await sizeOf()).toBe(32);
    const config = JSON.stringify({ max_batch_size: 4, instance_group: [{ kind: 'KIND_CPU', count: 1 }] });
    await server.load('overridden', { config: { string_param: config } });
    expect(await sizeOf()).toBe(4);
    expect(await server.answer('overridden')).toEqual({ version: '1', content: 3 });
    await server.load('overridden');
    expect(await sizeOf()).toBe(32);
  });

  it('files take the place of all in the repository, and need no folder there', async () => {
    const config = JSON.stringify({ max_batch_size: 8 });
    const files = (content: number) => ({
      config: { string_param: config },
      'file:7/model.onnx': { bytes_param: adder(content) },
    });
    await server.load('sent', files(70));
    expect(await server.answer('sent')).toEqual({ version: '7', content: 70 });
    await server.load('nowhere', files(71));
    expect(await server.answer('nowhere')).toEqual({ version: '7', content: 71 });
    await server.load('sent');
    expect(await server.answer('sent')).toEqual({ version: '1', content: 4 });
    await server.unload('nowhere');
    expect(await server.index('nowhere')).toEqual([]);
  });
});

it("takes KServe's message, in which the name has the number of Triton's repository", async () => {
  const raw = new RawClient(server.test.server.grpcPort ?? 0);
  const message = Buffer.from('\x0a\x01m', 'latin1');
  try {
    server.repository.write({ 'm/1/model.onnx': adder(100) });
    expect(await raw.send(`${SERVICE}/RepositoryModelLoad`, message)).toMatchObject({ kind: 'ok' });
    expect(await server.answer('m')).toEqual({ version: '1', content: 100 });
    expect(await raw.send(`${SERVICE}/RepositoryModelUnload`, message)).toMatchObject({ kind: 'ok' });
    expect(server.lanes('m')).toEqual([]);
  } finally {
    raw.close();
  }
});

describe('of several calls at once the last one is what happens', () => {
  // Small messages, which arrive in the order in which they were sent.
  const loadWith = (maxBatchSize: number) =>
    server.load('raced', {
      config: {
        string_param: JSON.stringify({
          max_batch_size: maxBatchSize,
          instance_group: [{ kind: 'KIND_CPU', count: 1 }],
        }),
      },
    });

  it('a load after an unload', async () => {
    await server.load('raced');
    const [first, unload, last] = await outcomes(loadWith(50), server.unload('raced'), loadWith(51));
    expect([first, last]).toEqual([OUTDATED, 'done']);
    // It may have been through before the load knew what to load.
    expect([OUTDATED, 'done']).toContain(unload);
    expect(await server.maxBatchSize('raced')).toBe(51);
    expect((await server.answer('raced')).content).toBe(5);
  });

  it('an unload after a load', async () => {
    expect(await outcomes(loadWith(52), server.load('raced'), server.unload('raced'))).toEqual([
      OUTDATED,
      OUTDATED,
      'done',
    ]);
    expect(server.lanes('raced')).toEqual([]);
    expect(await server.index('raced')).toMatchObject([{ state: 'UNAVAILABLE', reason: 'unloaded' }]);
  });

  it('again and again', async () => {
    for (let round = 0; round < 6; round++) {
      const calls = [loadWith(1), server.unload('raced'), server.load('raced'), loadWith(60 + round)];
      if (round % 2 === 1) calls.push(server.unload('raced'));
      expect((await outcomes(...calls)).at(-1)).toBe('done');
      if (round % 2 === 1) expect(server.lanes('raced')).toEqual([]);
      else expect(await server.maxBatchSize('raced')).toBe(60 + round);
    }
    expect(server.test.server.status().leases).toBe(0);
  });
});
