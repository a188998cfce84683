import { invariant } from '../lib/invariant.js';
import type { PreparedModel } from '../worker/build/artifacts.js';
import type { Executor } from '../worker/executor.js';

/** An instance of a model and those that use it. */
export interface PooledInstance {
  /** What the instance was made of: equal keys, interchangeable instances. */
  readonly key: string;
  readonly executor: Executor;
  /** What it was loaded from. */
  readonly prepared?: PreparedModel;
}

/** Whether all instances live and go on in a set of these keys: then giving them back would free nothing. */
export function goOn(instances: readonly PooledInstance[], keys: readonly string[]): boolean {
  return instances.every(
    ({ key, executor }) =>
      executor.available &&
      instances.filter((other) => other.key === key).length <= keys.filter((other) => other === key).length,
  );
}

interface Holding {
  users: number;
  readonly unsubscribe: () => void;
}

/**
 * The instances of one model. Revisions that differ in their configuration only share them; an instance
 * is unloaded when the last revision gives it back.
 */
export class InstancePool {
  readonly #holdings = new Map<PooledInstance, Holding>();
  readonly #onAvailability: () => void;

  /** `onAvailability` is called when an instance dies or comes back. */
  constructor(onAvailability: () => void) {
    this.#onAvailability = onAvailability;
  }

  get size(): number {
    return this.#holdings.size;
  }

  /** Takes a living instance with this key in use that is not among `taken`; undefined when there is none. */
  claim(key: string, taken: readonly PooledInstance[]): PooledInstance | undefined {
    const instance = this.#candidates(key).find((candidate) => !taken.includes(candidate));
    if (instance !== undefined) this.#holding(instance).users++;
    return instance;
  }

  /** Whether there is an instance for each of the keys. */
  covers(keys: readonly string[]): boolean {
    return [...new Set(keys)].every(
      (key) => this.#candidates(key).length >= keys.filter((other) => other === key).length,
    );
  }

  /** Takes in a new instance, used once. */
  add(key: string, executor: Executor, prepared?: PreparedModel): PooledInstance {
    const instance = { key, executor, ...(prepared !== undefined && { prepared }) };
    const unsubscribe = executor.onAvailability(() => this.#onAvailability());
    this.#holdings.set(instance, { users: 1, unsubscribe });
    return instance;
  }

  /**
   * Gives instances back: those that nobody uses any more can't be claimed from now on, and are unloaded
   * when `idle` has resolved, before which they may still run. Resolves when they have given back their
   * memory.
   */
  async release(
    instances: readonly PooledInstance[],
    idle: Promise<void> = Promise.resolve(),
  ): Promise<void> {
    const unused = instances.filter((instance) => --this.#holding(instance).users === 0);
    for (const instance of unused) {
      this.#holding(instance).unsubscribe();
      this.#holdings.delete(instance);
    }
    await idle;
    const outcomes = await Promise.allSettled(unused.map(({ executor }) => executor.unload()));
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  #candidates(key: string): PooledInstance[] {
    return [...this.#holdings.keys()].filter(
      (instance) => instance.key === key && instance.executor.available,
    );
  }

  #holding(instance: PooledInstance): Holding {
    const holding = this.#holdings.get(instance);
    invariant(holding !== undefined, 'an instance was given back twice');
    return holding;
  }
}
