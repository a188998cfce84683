import { describe, expect, it, vi } from 'vitest';
import { Harness, serving } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

const DAMAGED = 'Internal: the model is damaged';

describe('the start', () => {
  it('does not wait for tries to come', async () => {
    const server = new Harness({ loadModels: ['m', 'n'], loadRetries: 5 });
    server.write('m', { 1: 'corrupt' });
    server.write('n', { 1: 'good' });
    await server.seconds(10);
    const start = server.follow(server.manager.start(await server.store.list()));
    await server.seconds(1.5);
    expect([start.outcome, server.index('n'), server.manager.anyFailing]).toEqual([
      'done',
      ['1 READY'],
      true,
    ]);
    expect([server.catalog.allReady(), server.lanes.loads]).toEqual([false, 2]);
    await server.seconds(100);
    expect(server.lanes.loads).toBe(7);
  });

  it('waits for them where all or nothing is to be served', async () => {
    const server = new Harness({ loadModels: ['m'], loadRetries: 1, startsAfterRetries: true });
    server.write('m', { 1: 'good' });
    await server.seconds(10);
    vi.spyOn(server.lanes, 'load').mockRejectedValueOnce(new Error('no memory'));
    const start = server.follow(server.manager.start(await server.store.list()));
    await server.seconds(0.5);
    expect([start.outcome, server.manager.anyFailing]).toEqual(['under way', true]);
    await server.seconds(2);
    expect([start.outcome, server.manager.anyFailing]).toEqual(['done', false]);
  });

  it('does not wait for a model that is still arriving, which is looked at again', async () => {
    const server = new Harness({ mode: 'poll' });
    server.write('m', { 1: 'good' });
    server.write('n', { 1: 'good' });
    const start = server.follow(server.manager.start(await server.store.list()));
    for (let tenths = 0; tenths < 40; tenths += 5) {
      await server.seconds(0.5);
      server.write('n', { 1: 'good' });
    }
    expect([start.outcome, server.index('m'), server.index('n')]).toEqual(['done', ['1 READY'], []]);
    expect(server.catalog.allReady()).toBe(true);
    await server.seconds(14);
    expect(server.index('n')).toEqual(['1 READY']);
  });
});

describe('readiness', () => {
  it('waits for what failed at the start, until it is served or unloaded', async () => {
    const server = new Harness({ loadModels: ['m', 'x'] });
    server.write('m', { 1: 'corrupt' });
    await server.start();
    expect(server.catalog.allReady()).toBe(false);
    server.unload('x');
    await server.seconds(1);
    expect(server.catalog.allReady()).toBe(false);
    server.write('m', { 1: 'good' });
    server.load('m');
    await server.seconds(3);
    expect(server.catalog.allReady()).toBe(true);
  });

  it('does not wait for what was never served', async () => {
    const server = await serving();
    server.write('n', { 1: 'corrupt' });
    server.load('n');
    server.write('o', { 1: 'good' }, { broken: 'syntax' });
    server.load('o');
    for (let tenths = 0; tenths < 40; tenths++) {
      await server.seconds(0.1);
      expect(server.catalog.allReady()).toBe(true);
    }
    expect([server.index('n'), server.index('o')]).toEqual([
      [`1 UNAVAILABLE: ${DAMAGED}`],
      [expect.stringContaining('config.pbtxt')],
    ]);
  });

  it('is lost with a model that was served, unless that is unloaded on purpose', async () => {
    const server = await serving();
    for (const instance of server.lanes.live) instance.die(1e9);
    expect(server.catalog.allReady()).toBe(false);
    await server.seconds(1.5);
    expect(server.catalog.allReady()).toBe(true);
    server.unload('m');
    await server.seconds(1);
    server.write('m', { 1: 'corrupt' });
    const load = server.load('m');
    await server.seconds(3);
    expect([load.outcome, server.catalog.allReady()]).toEqual([expect.stringContaining(DAMAGED), true]);
  });
});
