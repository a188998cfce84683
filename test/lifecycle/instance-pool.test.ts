import { describe, expect, it } from 'vitest';
import { goOn, InstancePool, type PooledInstance } from '#naiad/lifecycle/instance-pool.js';
import type { Executor } from '#naiad/worker/executor.js';
import { anExecutor } from '../support/models.js';

/** An instance that counts what is done to it. */
class CountedExecutor implements Executor {
  readonly name = 'm_0';
  readonly description = null;
  available = true;
  unloads = 0;
  readonly listeners = new Set<() => void>();
  readonly run = anExecutor().run;
  #unloaded: () => void = () => {};

  onAvailability(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  unload(): Promise<void> {
    this.unloads++;
    return new Promise((resolve) => {
      this.#unloaded = resolve;
    });
  }

  finishUnload(): void {
    this.#unloaded();
  }

  setAvailable(available: boolean): void {
    this.available = available;
    for (const listener of this.listeners) listener();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function add(pool: InstancePool, key = 'k'): { executor: CountedExecutor; instance: PooledInstance } {
  const executor = new CountedExecutor();
  return { executor, instance: pool.add(key, executor) };
}

describe('InstancePool', () => {
  it('unloads an instance when the last of its users gives it back', async () => {
    const pool = new InstancePool(() => {});
    const { executor, instance } = add(pool);
    expect(pool.claim('k', [])).toBe(instance);
    await pool.release([instance]);
    expect([executor.unloads, pool.size]).toEqual([0, 1]);
    const released = pool.release([instance]);
    await settled();
    expect([executor.unloads, pool.size]).toEqual([1, 0]);
    executor.finishUnload();
    await released;
  });

  it('claims equal instances only, each once, and no dead ones', () => {
    const pool = new InstancePool(() => {});
    const first = add(pool);
    const second = add(pool);
    add(pool, 'other');
    const taken = [pool.claim('k', [])].flatMap((instance) => instance ?? []);
    expect(taken).toEqual([first.instance]);
    expect(pool.claim('k', taken)).toBe(second.instance);
    expect(pool.claim('k', [first.instance, second.instance])).toBeUndefined();
    first.executor.setAvailable(false);
    expect(pool.claim('k', [])).toBe(second.instance);
    expect(pool.claim('unknown', [])).toBeUndefined();
  });

  it('covers keys when there is a living instance for each', () => {
    const pool = new InstancePool(() => {});
    const { executor } = add(pool);
    add(pool);
    add(pool, 'other');
    expect(pool.covers(['k', 'k', 'other'])).toBe(true);
    expect(pool.covers(['k', 'k', 'k'])).toBe(false);
    executor.setAvailable(false);
    expect(pool.covers(['k', 'k'])).toBe(false);
    expect(pool.covers(['k'])).toBe(true);
  });

  it('unloads only what is idle, but nobody can claim it from the call on', async () => {
    const pool = new InstancePool(() => {});
    const { executor, instance } = add(pool);
    let idle: () => void = () => {};
    const released = pool.release(
      [instance],
      new Promise((resolve) => {
        idle = resolve;
      }),
    );
    await settled();
    expect(executor.unloads).toBe(0);
    expect(pool.claim('k', [])).toBeUndefined();
    expect(pool.covers(['k'])).toBe(false);
    idle();
    await settled();
    expect(executor.unloads).toBe(1);
    executor.finishUnload();
    await released;
  });

  it('waits for all instances, also when one can not be unloaded', async () => {
    const pool = new InstancePool(() => {});
    const broken: Executor = { ...anExecutor(), unload: () => Promise.reject(new Error('broken')) };
    const { executor, instance } = add(pool);
    let isOver = false;
    const released = pool.release([pool.add('k', broken), instance]).finally(() => {
      isOver = true;
    });
    released.catch(() => {});
    await settled();
    expect(isOver).toBe(false);
    executor.finishUnload();
    await expect(released).rejects.toThrow('broken');
  });

  it('tells when an instance dies or comes back, until it is given back', async () => {
    let changes = 0;
    const pool = new InstancePool(() => changes++);
    const { executor, instance } = add(pool);
    executor.setAvailable(false);
    executor.setAvailable(true);
    expect(changes).toBe(2);
    void pool.release([instance]);
    expect(executor.listeners.size).toBe(0);
  });

  it('takes an instance that is given back twice as a mistake', async () => {
    const pool = new InstancePool(() => {});
    const { executor, instance } = add(pool);
    const released = pool.release([instance]);
    await expect(pool.release([instance])).rejects.toThrow('given back twice');
    await settled();
    executor.finishUnload();
    await released;
  });
});

describe('goOn', () => {
  const instances = (keys: string, available = true): PooledInstance[] =>
    [...keys].map((key) => ({ key, executor: anExecutor(available) }));

  it.each([
    ['a', 'a', true],
    ['a', 'aa', true],
    ['aa', 'a', false],
    ['a', 'b', false],
    ['ab', 'bac', true],
    ['aab', 'abb', false],
  ])('%s in a set of %s: %s', (there, keys, expected) => {
    expect(goOn(instances(there), [...keys])).toBe(expected);
  });

  it('does not count on the dead', () => {
    expect(goOn(instances('a', false), ['a'])).toBe(false);
  });
});
