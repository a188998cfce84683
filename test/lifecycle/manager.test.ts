import { describe, expect, it, vi } from 'vitest';
import { Harness, serving } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

const OUTDATED =
  'Newer operation has been applied to the model lifecycle, current load operation is out-dated.';
const DAMAGED = 'Internal: the model is damaged';

describe('a load', () => {
  it('is answered when the model is served', async () => {
    const server = new Harness();
    server.write('m', { 1: 'good' });
    await server.start();
    expect(server.index('m')).toEqual([]);
    const load = server.load('m');
    await server.seconds(0.5);
    expect([load.outcome, server.index('m')]).toEqual(['under way', ['1 LOADING']]);
    await server.seconds(1);
    expect([load.outcome, server.index('m')]).toEqual(['done', ['1 READY']]);
    expect(server.history('m')).toEqual(['1 loading', '1 ready']);
  });

  it('of what is served already changes nothing', async () => {
    const server = await serving();
    const load = server.load('m');
    await server.seconds(0);
    expect([load.outcome, server.lanes.loads]).toEqual(['done', 1]);
  });

  it('joins another one of the same', async () => {
    const server = new Harness();
    server.write('m', { 1: 'good' });
    await server.start();
    const loads = [server.load('m'), server.load('m')];
    await server.seconds(0.5);
    loads.push(server.load('m'));
    await server.seconds(1);
    expect(loads.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
    expect(server.lanes.loads).toBe(1);
  });

  it('is out of date when something else is to be loaded', async () => {
    const server = new Harness();
    server.write('m', { 1: 'good', 2: 'good' });
    await server.start();
    const older = server.load('m');
    await server.seconds(0.5);
    const newer = server.load('m', { config: server.override({ versions: [1] }) });
    await server.seconds(0);
    expect(older.outcome).toBe(OUTDATED);
    await server.seconds(3);
    expect([newer.outcome, server.index('m')]).toEqual(['done', ['1 READY']]);
    expect(server.lanes.live.size).toBe(1);
  });

  it('is out of date when the model is to be unloaded, which waits for it to end', async () => {
    const server = new Harness();
    server.write('m', { 1: 'good' });
    await server.start();
    const load = server.load('m');
    await server.seconds(0.5);
    const unload = server.unload('m');
    await server.seconds(0);
    expect([load.outcome, unload.outcome]).toEqual([OUTDATED, 'under way']);
    await server.seconds(1);
    expect(unload.outcome).toBe('done');
    expect([server.lanes.live.size, server.lanes.loading]).toEqual([0, 0]);
  });

  it('takes a model back that is being unloaded, with the sessions it has', async () => {
    const server = await serving();
    const lease = server.lease('m');
    const unload = server.unload('m');
    await server.seconds(5);
    expect([unload.outcome, server.index('m')]).toEqual(['under way', ['1 UNLOADING']]);
    const load = server.load('m');
    await server.seconds(0);
    expect([unload.outcome, load.outcome, server.index('m')]).toEqual([OUTDATED, 'done', ['1 READY']]);
    lease.release();
    await server.seconds(5);
    expect([server.index('m'), server.lanes.loads, server.lanes.live.size]).toEqual([['1 READY'], 1, 1]);
  });

  it('loads again what gives its memory back already', async () => {
    const server = await serving();
    server.unload('m');
    await server.seconds(0.05);
    const load = server.load('m');
    await server.seconds(2);
    expect([load.outcome, server.index('m'), server.lanes.loads]).toEqual(['done', ['1 READY'], 2]);
    expect(server.lanes.live.size).toBe(1);
  });

  it('that fails keeps what is served, and says why', async () => {
    const server = await serving();
    const before = server.contents('m');
    server.write('m', { 1: 'corrupt' });
    const load = server.load('m');
    await server.seconds(3);
    expect(load.outcome).toBe(`load failed for model 'm': version 1 is at UNAVAILABLE state: ${DAMAGED};\n`);
    expect([server.index('m'), server.contents('m')]).toEqual([[`1 READY: ${DAMAGED}`], before]);
    expect(server.manager.anyFailing).toBe(true);
    expect(server.log.messages('error')).toEqual([`failed to load 'm' version 1: ${DAMAGED}`]);
  });

  it('of a new version that fails keeps the old one', async () => {
    const server = await serving();
    server.write('m', { 2: 'corrupt' });
    const load = server.load('m');
    await server.seconds(3);
    expect(load.outcome).toContain('version 2 is at UNAVAILABLE state');
    expect(server.index('m')).toEqual(['1 READY', `2 UNAVAILABLE: ${DAMAGED}`]);
    const again = server.load('m');
    await server.seconds(3);
    expect(again.outcome).toBe(load.outcome);
    expect(server.lanes.loads).toBe(3);
  });

  it('of a configuration that is no good keeps what is served, and says why', async () => {
    const server = await serving();
    server.configure('m', { broken: 'syntax' });
    const load = server.load('m');
    await server.seconds(3);
    expect(load.outcome).toMatch(/^failed to load 'm', failed to poll from model repository: .*config.pbtxt/);
    expect(server.index('m')).toEqual([expect.stringContaining('config.pbtxt'), '1 READY']);
    server.configure('m', { broken: 'no' });
    server.load('m');
    await server.seconds(3);
    expect(server.index('m')).toEqual(['1 READY']);
  });

  it('of a name that is not there leaves nothing behind', async () => {
    const server = await serving();
    const load = server.load('x');
    await server.seconds(0);
    expect(load.outcome).toBe("failed to load 'x', failed to poll from model repository");
    expect(server.catalog.names()).toEqual(['m']);
  });

  it('waits until files are left alone, and gives up when they never are', async () => {
    const server = await serving();
    server.write('m', { 1: 'good' });
    const load = server.load('m');
    for (let tenths = 0; tenths < 25; tenths += 5) {
      await server.seconds(0.5);
      server.write('m', { 1: 'good' });
    }
    expect([load.outcome, server.lanes.loads]).toEqual(['under way', 1]);
    await server.seconds(2.5);
    expect([load.outcome, server.lanes.loads]).toEqual(['done', 2]);
    const never = server.load('m', { config: server.override({}) });
    server.write('m', { 1: 'good' });
    const vain = server.load('m');
    for (let second = 0; second < 61; second += 0.5) {
      await server.seconds(0.5);
      server.write('m', { 1: 'good' });
    }
    expect(never.outcome).toBe(OUTDATED);
    expect(vain.outcome).toBe(
      "failed to load 'm', failed to poll from model repository: its files keep changing",
    );
  });

  it('reads again what has changed while it was read', async () => {
    const server = await serving();
    server.write('m', { 1: 'good' });
    await server.seconds(5);
    const fetch = server.store.fetchVersion.bind(server.store);
    let disturbs = true;
    vi.spyOn(server.store, 'fetchVersion').mockImplementation(async (...asked) => {
      if (disturbs) server.write('m', { 1: 'good' });
      disturbs = false;
      return fetch(...asked);
    });
    const load = server.load('m');
    await server.seconds(0.5);
    expect(load.outcome).toBe('under way');
    await server.seconds(3);
    expect([load.outcome, server.lanes.loads]).toEqual(['done', 2]);
    expect(server.log.messages('error')).toEqual([]);
  });

  it('is tried again with growing pauses when asked for, and answered at the end', async () => {
    const server = new Harness({ loadRetries: 2 });
    server.write('m', { 1: 'corrupt' });
    await server.start();
    const load = server.load('m');
    // Loads take a second each, pauses are 1 s and 2 s.
    const loads: number[] = [];
    for (let second = 0; second < 8; second++) {
      await server.seconds(1);
      loads.push(server.lanes.loads);
      expect(load.outcome === 'under way').toBe(server.lanes.loads < 3 || server.lanes.loading > 0);
    }
    expect(loads).toEqual([1, 1, 2, 2, 2, 3, 3, 3]);
    expect(load.outcome).toContain(DAMAGED);
    await server.seconds(600);
    expect([server.lanes.loads, server.clock.pendingTimers]).toEqual([3, 0]);
  });

  it('takes place where another try has made it good', async () => {
    const server = new Harness({ loadRetries: 2 });
    server.write('m', { 1: 'good' });
    await server.start();
    vi.spyOn(server.lanes, 'load').mockRejectedValueOnce(new Error('no memory'));
    const load = server.load('m');
    await server.seconds(0.5);
    expect(server.index('m')).toEqual(['1 UNAVAILABLE: Internal: no memory']);
    await server.seconds(3);
    expect([load.outcome, server.index('m')]).toEqual(['done', ['1 READY']]);
  });

  it('with a configuration of its own is forgotten by the next one', async () => {
    const server = await serving();
    server.write('m', { 2: 'good' });
    const override = server.load('m', { config: server.override({ versions: 'all' }) });
    await server.seconds(5);
    expect([override.outcome, server.index('m')]).toEqual(['done', ['1 READY', '2 READY']]);
    server.load('m');
    await server.seconds(5);
    expect(server.index('m')).toEqual(['1 UNAVAILABLE: unloaded', '2 READY']);
  });

  it('with a configuration that is no good changes nothing', async () => {
    const server = await serving();
    const load = server.load('m', { config: server.override({ broken: 'syntax' }) });
    await server.seconds(5);
    expect(load.outcome).toContain('Invalid config override');
    expect(server.index('m')).toEqual(['1 READY']);
  });
});

describe('the time of a load', () => {
  /** Milliseconds by step of what was loaded last. */
  function steps(server: Harness, name: string): Record<string, number> {
    const ready = server.manager.history(name).findLast(({ event }) => event === 'ready');
    return Object.fromEntries((ready?.steps ?? []).map((step) => [step.name, step.ms]));
  }

  it.each(['availability-preserving', 'memory-preserving'] as const)(
    'tells apart reading, waiting and loading, %s',
    async (reloadPolicy) => {
      const server = await serving({ loadsMax: 1, reloadPolicy });
      const fetch = server.store.fetchVersion.bind(server.store);
      vi.spyOn(server.store, 'fetchVersion').mockImplementation(async (...asked) => {
        await new Promise<void>((resolve) => server.clock.setTimer(0.25e9, resolve));
        return fetch(...asked);
      });
      server.write('n', { 1: 'good' });
      server.load('n');
      await server.seconds(0.1);
      server.write('m', { 1: 'good' });
      server.load('m');
      await server.seconds(5);
      expect([Object.keys(steps(server, 'm')).slice(0, 3), steps(server, 'm')]).toMatchObject([
        ['read', 'wait', 'session'],
        { read: 250, wait: 900, session: 1000 },
      ]);
      expect(Object.keys(steps(server, 'n')).slice(0, 2)).toEqual(['read', 'session']);
      const seconds = /naiad_model_load_seconds\{model="m",version="1"\} (.*)/.exec(
        await server.metrics.text(),
      );
      expect(Number(seconds?.[1])).toBeCloseTo(1, 5);
    },
  );
});

describe('a change of the configuration', () => {
  it.each([
    ['the queue delay', { marker: 1000 }, 2, 2],
    ['the version policy', { versions: [1] }, 2, 2],
    ['the number of instances, fewer', { instances: 1 }, 2, 1],
    ['the number of instances, more', { instances: 4 }, 4, 4],
  ])('of %s keeps the sessions there are', async (_, change, loads, live) => {
    const server = new Harness();
    server.write('m', { 1: 'good' }, { instances: 2 });
    await server.start();
    server.load('m');
    await server.seconds(2);
    const [first] = server.lanes.live;
    server.configure('m', change);
    const load = server.load('m');
    await server.seconds(3);
    expect([load.outcome, server.instances('m')]).toEqual(['done', live]);
    expect([server.lanes.loads, server.lanes.live.size]).toEqual([loads, live]);
    expect(server.lanes.live).toContain(first);
  });

  it('of what sessions are made with makes new ones', async () => {
    const server = await serving();
    server.configure('m', { session: 1 });
    server.load('m');
    await server.seconds(3);
    expect([server.lanes.loads, server.lanes.live.size, server.index('m')]).toEqual([2, 1, ['1 READY']]);
  });

  it('keeps the counters where the sessions stay', async () => {
    const server = await serving();
    const { statistics } = server.lease('m').model;
    server.configure('m', { marker: 1000 });
    server.load('m');
    await server.seconds(3);
    expect(server.lease('m').model.statistics).toBe(statistics);
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(3);
    expect(server.lease('m').model.statistics).not.toBe(statistics);
  });
});

describe('an unload', () => {
  it('is answered when leases are given back and so is the memory', async () => {
    const server = await serving();
    const lease = server.lease('m');
    const unload = server.unload('m');
    await server.seconds(10);
    expect([unload.outcome, server.index('m'), server.lanes.live.size]).toEqual([
      'under way',
      ['1 UNLOADING'],
      1,
    ]);
    expect(() => server.lease('m')).toThrow('has no available versions');
    lease.release();
    await server.seconds(0.05);
    expect(unload.outcome).toBe('under way');
    await server.seconds(0.1);
    expect([unload.outcome, server.index('m')]).toEqual(['done', ['1 UNAVAILABLE: unloaded']]);
    expect([server.lanes.live.size, server.clock.pendingTimers]).toEqual([0, 0]);
    expect(server.store.released).toEqual(['m']);
    expect(server.history('m').slice(2)).toEqual(['1 draining', '1 unloading', '1 unloaded']);
  });

  it('of what nobody knows is fine', async () => {
    const server = await serving();
    const unload = server.unload('x');
    await server.seconds(0);
    expect([unload.outcome, server.catalog.names()]).toEqual(['done', ['m']]);
  });

  it('says so when requests take too long, and goes on', async () => {
    const server = await serving();
    const lease = server.lease('m');
    const unload = server.unload('m');
    await server.seconds(60);
    expect(unload.outcome).toBe("failed to unload 'm', versions that are still available: 1");
    expect(server.index('m')).toEqual(['1 UNLOADING']);
    lease.release();
    await server.seconds(1);
    expect([server.index('m'), server.lanes.live.size]).toEqual([['1 UNAVAILABLE: unloaded'], 0]);
  });

  it('can be asked for twice', async () => {
    const server = await serving();
    const calls = [server.unload('m'), server.unload('m')];
    await server.seconds(1);
    expect(calls.map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  });

  it('forgets a model whose folder is gone', async () => {
    const server = await serving();
    server.remove('m');
    await server.seconds(100);
    expect(server.index('m')).toEqual(['1 READY']);
    const unload = server.unload('m');
    await server.seconds(1);
    expect([unload.outcome, server.catalog.names()]).toEqual(['done', []]);
  });

  it('lets go of a model that is kept warm', async () => {
    const server = await serving({ keepWarmSecs: 60 });
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(3);
    expect(server.lanes.live.size).toBe(2);
    const unload = server.unload('m');
    await server.seconds(1);
    expect([unload.outcome, server.lanes.live.size, server.clock.pendingTimers]).toEqual(['done', 0, 0]);
  });
});
