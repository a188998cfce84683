import { describe, expect, it, vi } from 'vitest';
import { LATEST } from '#naiad/lifecycle/catalog.js';
import { Harness, type HarnessOptions, serving } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

const OUTDATED =
  'Newer operation has been applied to the model lifecycle, current load operation is out-dated.';
const DAMAGED = 'Internal: the model is damaged';

/** A server with a model that does not fit twice. */
function tight(options: Partial<HarnessOptions> = {}): Promise<Harness> {
  return serving({ reloadPolicy: 'memory-preserving', ...options });
}

const isHeld = (server: Harness): boolean => server.catalog.entry('m')?.held ?? false;

/** Looks ten times a second for as long as told: the most instances there were, and whether all was served or held. */
async function watched(server: Harness, seconds: number): Promise<{ most: number; always: boolean }> {
  let most = 0;
  let always = true;
  for (let tenths = 0; tenths < seconds * 10; tenths++) {
    await server.seconds(0.1);
    most = Math.max(most, server.lanes.live.size + server.lanes.loading);
    if (!isHeld(server) && Object.keys(server.contents('m')).length === 0) always = false;
  }
  return { most, always };
}

describe('a model that does not fit twice', () => {
  it('is unloaded before its replacement is loaded, requests wait meanwhile', async () => {
    const server = await tight();
    const before = server.contents('m');
    server.write('m', { 1: 'good' });
    const load = server.load('m');
    await server.seconds(1.5);
    expect([isHeld(server), server.index('m')]).toEqual([true, ['1 LOADING']]);
    expect(await watched(server, 3)).toEqual({ most: 1, always: true });
    expect([load.outcome, isHeld(server), server.index('m')]).toEqual(['done', false, ['1 READY']]);
    expect(server.contents('m')).not.toEqual(before);
  });

  it('makes room for another version as well', async () => {
    const server = await tight();
    server.write('m', { 2: 'good' });
    const load = server.load('m');
    expect(await watched(server, 4)).toEqual({ most: 1, always: true });
    expect([load.outcome, server.index('m')]).toEqual(['done', ['1 UNAVAILABLE: unloaded', '2 READY']]);
  });

  it('comes back when its replacement is no good', async () => {
    const server = await tight();
    const before = server.contents('m');
    server.write('m', { 1: 'corrupt' });
    const load = server.load('m');
    expect(await watched(server, 5)).toEqual({ most: 1, always: true });
    expect(load.outcome).toContain(DAMAGED);
    expect([server.contents('m'), server.index('m')]).toEqual([before, [`1 READY: ${DAMAGED}`]]);
  });

  it('is tried until it is back when it can not be loaded at once', async () => {
    const server = await tight();
    const before = server.contents('m');
    server.write('m', { 1: 'good' });
    const load = vi.spyOn(server.lanes, 'load').mockRejectedValue(new Error('no memory'));
    server.load('m');
    expect((await watched(server, 30)).always).toBe(true);
    expect(server.index('m')).toEqual(['1 UNAVAILABLE: Internal: no memory']);
    load.mockRestore();
    await server.seconds(60);
    expect([server.contents('m'), server.index('m')]).toEqual([before, ['1 READY: Internal: no memory']]);
    expect(server.clock.pendingTimers).toBe(0);
  });

  it('takes a configuration that needs no other sessions in place', async () => {
    const server = await tight();
    const [instance] = server.lanes.live;
    server.configure('m', { marker: 1000 });
    const load = server.load('m');
    await server.seconds(1);
    expect([load.outcome, isHeld(server), server.lanes.loads]).toEqual(['done', false, 1]);
    expect([...server.lanes.live]).toEqual([instance]);
  });

  it('gets more instances beside those it has', async () => {
    const server = await tight();
    server.configure('m', { instances: 2 });
    const load = server.load('m');
    await server.seconds(1.5);
    expect([isHeld(server), server.index('m')]).toEqual([false, ['1 READY']]);
    await server.seconds(2);
    expect([load.outcome, server.lanes.loads, server.instances('m')]).toEqual(['done', 2, 2]);
  });

  it('is served until it is its turn to load', async () => {
    const names = ['m', 'n', 'o'];
    const server = new Harness({
      loadModels: null,
      reloadPolicy: 'memory-preserving',
      loadsMax: 1,
    });
    for (const name of names) server.write(name, { 1: 'good' });
    await server.start();
    for (const name of names) server.write(name, { 1: 'good' });
    const loads = names.map((name) => server.load(name));
    let rounds = 0;
    for (; loads.some(({ outcome }) => outcome === 'under way'); rounds++) {
      await server.seconds(0.1);
      const served = names.filter((name) => Object.keys(server.contents(name)).length > 0);
      expect(served.length).toBeGreaterThan(1);
    }
    expect(rounds).toBeLessThan(60);
    expect(loads.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
    expect(server.clock.pendingTimers).toBe(0);
  });

  it('does not hold up others while its requests take their time', async () => {
    const server = await tight({ loadsMax: 1 });
    const lease = server.lease('m');
    server.write('m', { 1: 'good' });
    const slow = server.load('m');
    await server.seconds(2);
    expect(server.index('m')).toEqual(['1 LOADING']);
    server.write('n', { 1: 'good' });
    const other = server.load('n');
    await server.seconds(65);
    expect([slow.outcome, other.outcome]).toEqual(['under way', 'done']);
    lease.release();
    await server.seconds(2);
    expect(slow.outcome).toBe('done');
  });

  it('gives up its turn when it is to be unloaded', async () => {
    const server = await tight({ loadsMax: 1 });
    server.write('n', { 1: 'good' });
    const other = server.load('n');
    server.write('m', { 1: 'good' });
    const load = server.load('m');
    await server.seconds(1.5);
    expect(server.index('m')).toEqual(['1 READY']);
    const unload = server.unload('m');
    await server.seconds(3);
    expect([load.outcome, unload.outcome, other.outcome]).toEqual([OUTDATED, 'done', 'done']);
    expect([server.lanes.live.size, server.clock.pendingTimers]).toEqual([1, 0]);
  });

  it('is not kept warm', async () => {
    const server = await tight({ keepWarmSecs: 60 });
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(4);
    expect([server.lanes.live.size, server.clock.pendingTimers]).toEqual([1, 0]);
  });

  it('is said to be so by its own configuration, too', async () => {
    const server = await serving();
    server.configure('m', { reload: 'memory-preserving' });
    server.load('m');
    await server.seconds(3);
    server.write('m', { 1: 'good' });
    server.load('m');
    expect(await watched(server, 4)).toEqual({ most: 1, always: true });
  });

  it('lets requests to a version, and to the latest, wait for that version', async () => {
    const server = await tight();
    server.write('m', { 2: 'good' }, { versions: 'all' });
    server.load('m');
    await server.seconds(4);
    expect(server.index('m')).toEqual(['1 READY', '2 READY']);
    server.write('m', { 2: 'good' });
    server.load('m');
    await server.seconds(1.5);
    expect(server.index('m')).toEqual(['1 READY', '2 LOADING']);
    expect(server.catalog.entry('m')).toMatchObject({ held: true, heldVersions: [2] });
    await server.seconds(2);
    expect(server.catalog.entry('m')).toMatchObject({ held: false, heldVersions: [] });
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(1.5);
    expect(server.catalog.entry('m')).toMatchObject({ held: false, heldVersions: [1] });
  });

  it.each([
    ['good', 3],
    ['corrupt', 1],
  ] as const)(
    'lets nobody have a lower version while a higher one comes that is %s',
    async (quality, end) => {
      const server = await tight();
      server.write('m', { 2: 'good' }, { versions: [1, 2] });
      server.load('m');
      await server.seconds(4);
      server.write('m', { 3: quality }, { versions: [1, 3] });
      server.load('m');
      const lowest: number[] = [];
      for (let tenths = 0; tenths < 50; tenths++) {
        await server.seconds(0.1);
        if (!isHeld(server)) lowest.push(server.catalog.find('m', LATEST).version);
      }
      expect([...new Set(lowest)]).toEqual([2, end]);
      expect(lowest.length).toBeLessThan(45);
    },
  );

  it('is not waited for once it is unloaded on purpose', async () => {
    const server = await tight();
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(1.5);
    expect(isHeld(server)).toBe(true);
    server.unload('m');
    await server.seconds(0);
    expect(isHeld(server)).toBe(false);
    await server.seconds(2);
    expect(server.lanes.live.size).toBe(0);
  });

  it('that never was served is not waited for', async () => {
    const server = await tight();
    server.write('n', { 1: 'good' });
    server.load('n');
    await server.seconds(1.5);
    expect([server.index('n'), server.catalog.entry('n')?.held]).toEqual([['1 LOADING'], false]);
  });
});
