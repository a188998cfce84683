import { describe, expect, it, vi } from 'vitest';
import { type Call, Harness, type HarnessOptions } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

const DAMAGED = 'Internal: the model is damaged';

/** A server in poll mode with `m` in its repository, and what is served of it. */
async function polling(
  options: Partial<HarnessOptions> = {},
): Promise<{ server: Harness; first: Record<number, number> }> {
  const server = new Harness({ mode: 'poll', ...options });
  server.write('m', { 1: 'good' });
  await server.start();
  expect(server.index('m')).toEqual(['1 READY']);
  return { server, first: server.contents('m') };
}

/** Long enough for a change to be seen, left alone and loaded. */
const TAKEN_UP = 14;

describe('in poll mode', () => {
  it('what is put into the repository is served, what is taken out is not', async () => {
    const { server } = await polling();
    server.write('n', { 3: 'good' });
    await server.seconds(TAKEN_UP);
    expect(server.index('n')).toEqual(['3 READY']);
    server.remove('n');
    await server.seconds(TAKEN_UP);
    expect([server.catalog.names(), server.lanes.live.size]).toEqual([['m'], 1]);
    expect(server.store.released).toEqual(['n']);
  });

  it('a hint has it looked at sooner', async () => {
    const { server } = await polling();
    server.write('n', { 1: 'good' });
    server.manager.hint();
    await server.seconds(2.5);
    expect(server.index('n')).toEqual(['1 READY']);
  });

  it('files that are touched change nothing', async () => {
    const { server } = await polling();
    const model = server.catalog.find('m', 1);
    server.touch('m', '1/model.bin');
    server.touch('m', 'config.pbtxt');
    await server.seconds(TAKEN_UP);
    expect([server.lanes.loads, server.catalog.find('m', 1)]).toEqual([1, model]);
  });

  it('what is no good leaves the old one, and is tried again when it changes', async () => {
    const { server, first } = await polling();
    server.write('m', { 1: 'corrupt' });
    await server.seconds(100);
    expect([server.index('m'), server.contents('m'), server.lanes.loads]).toEqual([
      [`1 READY: ${DAMAGED}`],
      first,
      2,
    ]);
    server.touch('m', '1/model.bin');
    await server.seconds(100);
    expect(server.lanes.loads).toBe(3);
    server.write('m', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    expect(server.index('m')).toEqual(['1 READY']);
    expect(server.contents('m')).not.toEqual(first);
  });

  it('a broken configuration leaves the old one, also when it is mended to what it was', async () => {
    const { server, first } = await polling();
    server.configure('m', { broken: 'syntax' });
    await server.seconds(TAKEN_UP);
    expect(server.index('m')).toEqual([expect.stringContaining('config.pbtxt'), '1 READY']);
    server.configure('m', { broken: 'no' });
    await server.seconds(TAKEN_UP);
    expect([server.index('m'), server.contents('m'), server.lanes.loads]).toEqual([['1 READY'], first, 1]);
  });

  it('a model whose only version is taken out goes on being served', async () => {
    const { server } = await polling();
    server.removeVersion('m', 1);
    await server.seconds(100);
    expect(server.index('m')).toEqual([expect.stringContaining('at least one version'), '1 READY']);
  });

  it('a model that can not be read is read again at the next round', async () => {
    const { server } = await polling();
    server.write('m', { 1: 'good' });
    vi.spyOn(server.store, 'fetchVersion').mockRejectedValueOnce(new Error('input/output error'));
    await server.seconds(10);
    expect(server.index('m')).toEqual(['input/output error', '1 READY']);
    await server.seconds(TAKEN_UP);
    expect([server.index('m'), server.lanes.loads]).toEqual([['1 READY'], 2]);
  });

  it('a model that takes for ever to read holds up no other', async () => {
    const { server } = await polling();
    server.write('m', { 1: 'good' });
    vi.spyOn(server.store, 'fetchVersion').mockReturnValueOnce(new Promise(() => {}));
    await server.seconds(TAKEN_UP);
    server.write('n', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    expect([server.index('m'), server.index('n')]).toEqual([['1 READY'], ['1 READY']]);
    server.remove('n');
    await server.seconds(TAKEN_UP);
    expect(server.catalog.names()).toEqual(['m']);
  });

  it('a model that comes back while its requests are answered is served again', async () => {
    const { server, first } = await polling();
    const lease = server.lease('m');
    server.remove('m');
    await server.seconds(TAKEN_UP);
    expect(server.index('m')).toEqual(['1 UNLOADING']);
    server.write('m', { 1: 'good' });
    // It is read while the old one is idle and goes.
    const fetch = server.store.fetchVersion.bind(server.store);
    vi.spyOn(server.store, 'fetchVersion').mockImplementationOnce(async (...asked) => {
      lease.release();
      await server.store.names();
      await new Promise<void>((resolve) => server.clock.setTimer(5e9, resolve));
      return fetch(...asked);
    });
    await server.seconds(20);
    expect(server.index('m')).toEqual(['1 READY']);
    expect([server.contents('m'), server.lanes.live.size]).not.toEqual([first, 1]);
    server.remove('m');
    await server.seconds(TAKEN_UP);
    expect([server.catalog.names(), server.lanes.live.size]).toEqual([[], 0]);
  });

  it('a repository that can not be read keeps its models', async () => {
    const { server } = await polling();
    for (const repository of server.repositories.all) repository.readable = false;
    await server.seconds(100);
    expect(server.index('m')).toEqual(['1 READY']);
    for (const repository of server.repositories.all) repository.readable = true;
    server.write('m', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    expect(server.lanes.loads).toBe(2);
  });

  it.each([0, 60])('a roll back lasts until the repository changes, %s s kept warm', async (keepWarmSecs) => {
    const { server, first } = await polling({ keepWarmSecs });
    server.write('m', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    const second = server.contents('m');
    const followed: Call[] = [];
    for (const expected of [first, second, first]) {
      followed.push(server.rollBack('m'));
      await server.seconds(2);
      expect(server.contents('m')).toEqual(expected);
    }
    expect(followed.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
    server.touch('m', '1/model.bin');
    await server.seconds(100);
    expect(server.contents('m')).toEqual(first);
    server.write('m', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    expect([first, second]).not.toContainEqual(server.contents('m'));
    expect(server.index('m')).toEqual(['1 READY']);
  });

  it('a roll back that is refused does not keep the repository from being followed', async () => {
    const { server, first } = await polling();
    const call = server.rollBack('m');
    await server.seconds(0);
    expect(call.outcome).toContain('can not be rolled back');
    server.write('m', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    expect(server.contents('m')).not.toEqual(first);
  });

  it('nothing is rolled back to that has no folder any more', async () => {
    const { server } = await polling();
    server.write('m', { 1: 'good' });
    await server.seconds(TAKEN_UP);
    server.remove('m');
    await server.seconds(TAKEN_UP);
    const call = server.rollBack('m');
    await server.seconds(5);
    expect(call.outcome).toBe("failed to load 'm', failed to poll from model repository");
    expect([server.catalog.names(), server.lanes.live.size]).toEqual([[], 0]);
  });
});

describe('without control', () => {
  it('all of the repository is loaded at the start, and nothing changes after', async () => {
    const server = new Harness({ mode: 'none' });
    server.write('m', { 1: 'good' });
    server.write('n', { 1: 'corrupt' });
    await server.start();
    expect([server.index('m'), server.index('n')]).toEqual([['1 READY'], [`1 UNAVAILABLE: ${DAMAGED}`]]);
    expect(server.manager.anyFailing).toBe(true);
    server.write('o', { 1: 'good' });
    server.remove('m');
    await server.seconds(1000);
    expect([server.catalog.names(), server.index('m')]).toEqual([['m', 'n'], ['1 READY']]);
  });

  it('models whose files are never left alone are not waited for for ever', async () => {
    const server = new Harness({ mode: 'none' });
    server.write('m', { 1: 'good' });
    server.write('n', { 1: 'good' });
    const start = server.follow(server.manager.start(await server.store.list()));
    for (let second = 0; second < 65; second += 0.5) {
      await server.seconds(0.5);
      server.write('n', { 1: 'good' });
    }
    expect(start.outcome).toBe('done');
    expect([server.index('m'), server.index('n')]).toEqual([['1 READY'], ['its files keep changing']]);
  });
});

describe('in explicit mode', () => {
  it('the start loads what it is told to', async () => {
    const server = new Harness({ loadModels: ['m', 'x'] });
    server.write('m', { 1: 'good' });
    server.write('n', { 1: 'good' });
    await server.start();
    expect([server.index('m'), server.index('n')]).toEqual([['1 READY'], []]);
    expect(server.index('x')).toEqual(['failed to poll from model repository: there is no such model']);
    expect(server.manager.anyFailing).toBe(true);
  });

  it('the start loads everything for *', async () => {
    const server = new Harness({ loadModels: null });
    server.write('m', { 1: 'good' });
    server.write('n', { 1: 'good' });
    await server.start();
    expect([server.index('m'), server.index('n')]).toEqual([['1 READY'], ['1 READY']]);
    expect(server.manager.anyFailing).toBe(false);
  });
});
