import { describe, expect, it, vi } from 'vitest';
import { Harness, serving } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

const DAMAGED = 'Internal: the model is damaged';

describe('a roll back', () => {
  /** Serves the second content of `m`, which took the place of the first. */
  async function replaced(keepWarmSecs: number): Promise<{ server: Harness; first: object; second: object }> {
    const server = await serving({ keepWarmSecs });
    const first = server.contents('m');
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(3);
    return { server, first, second: server.contents('m') };
  }

  it('returns at once to what is kept warm, and back again', async () => {
    const { server, first, second } = await replaced(60);
    expect(server.lanes.live.size).toBe(2);
    for (const expected of [first, second, first]) {
      const call = server.rollBack('m');
      await server.seconds(0);
      expect([call.outcome, server.contents('m')]).toEqual(['done', expected]);
    }
    expect(server.lanes.loads).toBe(2);
    await server.seconds(61);
    expect([server.lanes.live.size, server.contents('m')]).toEqual([1, first]);
  });

  it('loads what is kept on disk, and back again', async () => {
    const { server, first, second } = await replaced(0);
    expect(server.lanes.live.size).toBe(1);
    for (const expected of [first, second, first]) {
      const call = server.rollBack('m');
      await server.seconds(2);
      expect([call.outcome, server.contents('m')]).toEqual(['done', expected]);
    }
    expect(server.lanes.loads).toBe(5);
  });

  it('is refused where nothing was served before', async () => {
    const server = await serving();
    const call = server.rollBack('m');
    await server.seconds(0);
    expect(call.outcome).toBe("model 'm' can not be rolled back: nothing else was served before");
    const unknown = server.rollBack('x');
    await server.seconds(0);
    expect(unknown.outcome).toContain('can not be rolled back');
    expect(server.catalog.names()).toEqual(['m']);
  });

  it('after a load that failed returns to what is served', async () => {
    const { server, second } = await replaced(0);
    server.write('m', { 1: 'corrupt' });
    server.load('m');
    await server.seconds(3);
    expect(server.index('m')).toEqual([`1 READY: ${DAMAGED}`]);
    const call = server.rollBack('m');
    await server.seconds(0);
    expect([call.outcome, server.index('m'), server.contents('m')]).toEqual(['done', ['1 READY'], second]);
  });

  it('after an upgrade that came to half of its versions returns to what was whole', async () => {
    const server = new Harness();
    server.write('m', { 1: 'good' }, { versions: 'all' });
    await server.start();
    server.load('m');
    await server.seconds(2);
    const before = server.contents('m');
    server.write('m', { 1: 'good', 2: 'corrupt' });
    server.load('m');
    await server.seconds(5);
    expect(server.index('m')).toEqual(['1 READY', `2 UNAVAILABLE: ${DAMAGED}`]);
    expect(server.contents('m')).not.toEqual(before);
    const call = server.rollBack('m');
    await server.seconds(2);
    expect([call.outcome, server.contents('m')]).toEqual(['done', before]);
  });

  it.each([
    ['explicit', 'availability-preserving'],
    ['poll', 'availability-preserving'],
    ['poll', 'memory-preserving'],
  ] as const)('that fails leaves all as it was, %s, %s', async (mode, reloadPolicy) => {
    const server = new Harness({ mode, reloadPolicy, loadModels: null });
    server.write('m', { 1: 'good' });
    await server.start();
    server.write('m', { 1: 'good' });
    if (mode === 'explicit') server.load('m');
    await server.seconds(15);
    const second = server.contents('m');
    vi.spyOn(server.lanes, 'load').mockRejectedValueOnce(new Error('no memory'));
    const call = server.rollBack('m');
    await server.seconds(3);
    expect([call.outcome, server.index('m')]).toEqual([expect.stringContaining('no memory'), ['1 READY']]);
    expect([server.contents('m'), server.manager.anyFailing]).toEqual([second, false]);
    // What the repository holds is followed as before.
    server.touch('m', '1/model.bin');
    server.configure('m', { marker: 1000 });
    if (mode === 'explicit') server.load('m');
    await server.seconds(15);
    expect([server.contents('m'), server.manager.anyFailing]).toEqual([second, false]);
    server.write('m', { 1: 'good' });
    if (mode === 'explicit') server.load('m');
    await server.seconds(15);
    expect([second, {}]).not.toContainEqual(server.contents('m'));
  });

  it('that fails after another leaves the repository put aside', async () => {
    const server = new Harness({ mode: 'poll' });
    server.write('m', { 1: 'good' });
    await server.start();
    const first = server.contents('m');
    server.write('m', { 1: 'good' });
    await server.seconds(15);
    server.rollBack('m');
    await server.seconds(3);
    vi.spyOn(server.lanes, 'load').mockRejectedValueOnce(new Error('no memory'));
    const call = server.rollBack('m');
    await server.seconds(3);
    server.touch('m', '1/model.bin');
    await server.seconds(15);
    expect([call.outcome, server.contents('m')]).toEqual([expect.stringContaining('no memory'), first]);
  });

  it('after an unload returns to what was served last', async () => {
    const { server, second } = await replaced(0);
    server.unload('m');
    await server.seconds(1);
    const call = server.rollBack('m');
    await server.seconds(2);
    expect([call.outcome, server.contents('m')]).toEqual(['done', second]);
  });

  it('needs memory for one generation only, whatever the pace of reloads', async () => {
    const server = await serving({ keepWarmSecs: 600 });
    for (let reload = 0; reload < 10; reload++) {
      server.write('m', { 1: 'good' });
      server.load('m');
      await server.seconds(3);
      expect(server.lanes.live.size).toBe(2);
    }
    await server.seconds(600);
    expect([server.lanes.live.size, server.clock.pendingTimers]).toEqual([1, 0]);
  });
});
