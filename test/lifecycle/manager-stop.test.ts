import { describe, expect, it, vi } from 'vitest';
import { Harness, serving } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

const OUTDATED =
  'Newer operation has been applied to the model lifecycle, current load operation is out-dated.';

describe('a warm-up that takes for ever', () => {
  /** `m` has been loaded, and has been warming up for a while. */
  async function warming(): Promise<Harness> {
    const server = new Harness();
    server.write('m', { 1: 'good' }, { warmUp: true });
    const file = 'config.pbtxt';
    const text = server.readFile('m', file);
    server.writeFile('m', file, text.replace('batch_size: 1', 'batch_size: 1 count: 100000'));
    await server.start();
    server.load('m');
    await server.seconds(5);
    expect([server.index('m'), server.lanes.live.size]).toEqual([['1 LOADING'], 1]);
    return server;
  }

  it('ends when the model is to be unloaded', async () => {
    const server = await warming();
    const unload = server.unload('m');
    expect([unload.outcome, server.index('m')]).toEqual(['under way', ['1 UNLOADING']]);
    await server.seconds(0.3);
    expect([unload.outcome, server.lanes.live.size, server.index('m')]).toEqual(['done', 0, []]);
    expect(server.log.messages('error')).toEqual([]);
    expect(server.history('m')).toEqual(['1 loading', '1 unloaded']);
  });

  it('ends when something else is wanted', async () => {
    const server = await warming();
    server.configure('m', { session: 1, warmUp: false });
    const load = server.load('m');
    await server.seconds(4);
    expect([load.outcome, server.index('m'), server.lanes.live.size]).toEqual(['done', ['1 READY'], 1]);
  });

  it('begins again when the model is wanted again', async () => {
    const server = await warming();
    server.unload('m');
    const load = server.load('m');
    await server.seconds(5);
    expect([load.outcome, server.index('m'), server.lanes.loads]).toEqual(['under way', ['1 LOADING'], 2]);
    server.unload('m');
    await server.seconds(1);
    expect([load.outcome, server.lanes.live.size]).toEqual([OUTDATED, 0]);
  });

  it('does not hold up a stop', async () => {
    const server = await warming();
    const stop = server.follow(server.manager.stop());
    await server.seconds(0.3);
    expect([stop.outcome, server.lanes.live.size]).toEqual(['done', 0]);
  });
});

describe('a stop', () => {
  it('unloads everything and ends what is under way', async () => {
    const server = await serving({ keepWarmSecs: 60 });
    server.write('m', { 1: 'good' });
    const loading = server.load('m');
    await server.seconds(1.5);
    server.write('n', { 1: 'good' });
    const reading = server.load('n');
    await server.seconds(0);
    const stop = server.follow(server.manager.stop());
    await server.seconds(5);
    expect([stop.outcome, loading.outcome, reading.outcome]).toEqual(['done', OUTDATED, 'Server exiting']);
    expect([server.lanes.live.size, server.clock.pendingTimers]).toEqual([0, 0]);
  });

  it('ends a start that waits for files to be left alone', async () => {
    const server = new Harness({ mode: 'none' });
    server.write('m', { 1: 'good' });
    const start = server.follow(server.manager.start(await server.store.list()));
    await server.seconds(0.5);
    const stop = server.follow(server.manager.stop());
    await server.seconds(0);
    expect([start.outcome, stop.outcome]).toEqual(['done', 'done']);
    await server.seconds(100);
    expect([server.lanes.loads, server.clock.pendingTimers]).toEqual([0, 0]);
  });
});
