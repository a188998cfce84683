import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { adder, adderConfig } from '../support/reload-models.js';
import { ReloadServer } from '../support/reload-server.js';
import type { Files } from '../support/repository.js';

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(mode: 'poll' | 'explicit', lifecycle = {}): Promise<ReloadServer> {
  const server = await ReloadServer.start(mode, aModel(1), { lifecycle });
  cleanup.push(() => server.stop());
  return server;
}

const aModel = (content: number, max = 32): Files => ({
  'm/config.pbtxt': adderConfig().replace('32', String(max)),
  'm/1/model.onnx': adder(content),
});

it('returns to files and configuration that are no more in the repository, and back', async () => {
  const server = await serve('explicit');
  expect(
    await server.test.client.failure('RepositoryModelLoad', {
      model_name: 'm',
      parameters: { rollback: { bool_param: true } },
    }),
  ).toEqual({
    code: status.FAILED_PRECONDITION,
    details: "model 'm' can not be rolled back: nothing else was served before",
  });
  server.repository.write(aModel(2, 16));
  await server.load('m');
  expect([await server.answer('m'), await server.maxBatchSize('m')]).toEqual([
    { version: '1', content: 2 },
    16,
  ]);
  await server.rollback('m');
  expect([await server.answer('m'), await server.maxBatchSize('m')]).toEqual([
    { version: '1', content: 1 },
    32,
  ]);
  expect((await server.history('m')).filter(({ event }) => event === 'loading').at(-1)?.why).toBe(
    'roll back requested',
  );
  await server.rollback('m');
  expect([await server.answer('m'), await server.maxBatchSize('m')]).toEqual([
    { version: '1', content: 2 },
    16,
  ]);
  // A load goes by the repository again.
  await server.rollback('m');
  await server.load('m');
  expect(await server.answer('m')).toEqual({ version: '1', content: 2 });
});

it('takes effect at once with what was kept warm', async () => {
  const server = await serve('explicit', { keepWarmSecs: 60 });
  const old = server.lanes('m');
  server.repository.write(aModel(2));
  await server.load('m');
  const both = server.lanes('m');
  expect(both).toHaveLength(2);
  const happened = server.log.happenings.length;
  await server.rollback('m');
  expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
  // Nothing was loaded, and what is kept now is the other one.
  expect(server.log.happenings.slice(happened).map(({ event }) => event)).not.toContain('loading');
  expect(server.lanes('m')).toEqual(both);
  await server.rollback('m');
  expect(await server.answer('m')).toEqual({ version: '1', content: 2 });
  expect(server.lanes('m')).toEqual(both);
  // One generation is kept, not all.
  server.repository.write(aModel(3));
  await server.load('m');
  await expect.poll(() => server.lanes('m')).toHaveLength(2);
  expect(server.lanes('m')).not.toContain(old[0]);
});

it('lets go of what was kept warm when its time is over', async () => {
  const server = await serve('explicit', { keepWarmSecs: 0.3 });
  server.repository.write(aModel(2));
  await server.load('m');
  await server.log.next({ model: 'm', event: 'unloaded' }, 0);
  expect(server.lanes('m')).toHaveLength(1);
  const told = (await server.history('m')).map(({ event }) => event);
  expect(told.slice(-4)).toEqual(['ready', 'warm', 'unloading', 'unloaded']);
  expect(await server.answer('m')).toEqual({ version: '1', content: 2 });
});

describe('where the repository is followed', () => {
  it.each([0, 60])('what was rolled back stays away until it changes, kept warm for %d s', async (warm) => {
    const server = await serve('poll', { keepWarmSecs: warm });
    await server.log.after(() => server.repository.write(aModel(2)), { model: 'm', event: 'ready' });
    expect(await server.test.client.failure('RepositoryModelLoad', { model_name: 'm' })).toEqual({
      code: status.UNAVAILABLE,
      details: 'explicit model load / unload is not allowed if polling is enabled',
    });
    await server.rollback('m');
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    const happened = server.log.happenings.length;
    // Written as it was: the bad one is still the bad one.
    server.repository.write(aModel(2));
    await server.scans(3);
    expect(server.log.told(happened).filter((text) => !/unload/.test(text))).toEqual([]);
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    await server.log.after(() => server.repository.write(aModel(3)), { model: 'm', event: 'ready' });
    expect(await server.answer('m')).toEqual({ version: '1', content: 3 });
  });
});
