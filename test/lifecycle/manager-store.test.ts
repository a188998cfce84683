import { describe, expect, it, vi } from 'vitest';
import { serving } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

describe('a repository that can not be asked', () => {
  it('a load while it can not be read says nothing of the model', async () => {
    const server = await serving();
    server.unload('m');
    await server.seconds(1);
    for (const repository of server.repositories.all) repository.readable = false;
    const loads = ['x', 'm'].map((name) => server.load(name));
    await server.seconds(1);
    expect(loads.map(({ outcome }) => outcome)).toEqual(
      ['x', 'm'].map(
        (name) =>
          `failed to load '${name}', failed to poll from model repository: the repository does not answer`,
      ),
    );
    expect([server.catalog.names(), server.index('m')]).toEqual([['m'], ['1 UNAVAILABLE: unloaded']]);
    expect([server.catalog.allReady(), server.manager.anyFailing]).toEqual([true, false]);
    expect(await server.metrics.text()).not.toContain('model="x"');
  });

  it('a load is refused when it does not answer', async () => {
    const server = await serving();
    vi.spyOn(server.store, 'find').mockReturnValue(new Promise(() => {}));
    const loads = ['x', 'm'].map((name) => server.load(name));
    await server.seconds(29);
    expect(loads.map(({ outcome }) => outcome)).toEqual(['under way', 'under way']);
    await server.seconds(2);
    expect(loads.map(({ outcome }) => outcome)).toEqual(
      ['x', 'm'].map((name) => expect.stringContaining(`'${name}'`)),
    );
    expect(loads[0]?.outcome).toContain('the repository does not answer');
    expect([server.catalog.names(), server.index('m')]).toEqual([['m'], ['1 READY']]);
    expect(server.clock.pendingTimers).toBe(0);
  });

  it('an unload waits for it no longer than for requests', async () => {
    const server = await serving();
    vi.spyOn(server.store, 'names').mockReturnValue(new Promise(() => {}));
    vi.spyOn(server.store, 'release').mockReturnValue(new Promise(() => {}));
    const lease = server.lease('m');
    const unload = server.unload('m');
    await server.seconds(45);
    lease.release();
    await server.seconds(14);
    expect([unload.outcome, server.index('m')]).toEqual(['under way', ['1 UNAVAILABLE: unloaded']]);
    await server.seconds(1);
    expect([unload.outcome, server.clock.pendingTimers]).toEqual(['done', 0]);
  });

  it('its names are not waited for for ever', async () => {
    const server = await serving();
    vi.spyOn(server.store, 'names').mockReturnValue(new Promise(() => {}));
    const names = server.follow(server.manager.names());
    await server.seconds(30);
    expect([names.outcome, server.clock.pendingTimers]).toEqual(['the repository does not answer', 0]);
  });
});
