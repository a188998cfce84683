import type { RunMarks } from '../backend/backend.js';
import type { Executor } from '../worker/executor.js';

/**
 * Runs longer than this gain nothing from a batch handed over early (the gap between two batches is
 * about 0.1 ms), while that batch could no longer go to an instance that becomes free sooner.
 */
const PREFETCH_RUN_NS_MAX = 10e6;

/** An instance and what it has been given: the batch that runs and at most one behind it. */
export class Instance {
  readonly executor: Executor;
  batches = 0;
  /** Jobs of the batch that waits behind the one that runs. */
  jobsBehind = 0;
  /** Number of the hand-over that was the latest. */
  handedOver = 0;
  /** How long the last batch ran; unknown runs count as long. */
  lastRunNs = Number.POSITIVE_INFINITY;

  constructor(executor: Executor) {
    this.executor = executor;
  }

  get idle(): boolean {
    return this.executor.available && this.batches === 0;
  }

  get takesAnother(): boolean {
    return this.executor.available && this.batches === 1 && this.lastRunNs <= PREFETCH_RUN_NS_MAX;
  }
}

/** The instances of a model, and which of them gets the next batch. */
export class Instances {
  readonly #instances: readonly Instance[];
  readonly #unsubscribe: readonly (() => void)[];
  #handedOver = 0;
  #next = 0;

  constructor(executors: readonly Executor[], onAvailability: () => void) {
    this.#instances = executors.map((executor) => new Instance(executor));
    this.#unsubscribe = executors.map((executor) => executor.onAvailability(onAvailability));
  }

  /** Whether any instance lives. */
  get available(): boolean {
    return this.#instances.some(({ executor }) => executor.available);
  }

  /** An idle instance, in turn; null when none is. */
  idle(): Instance | null {
    const count = this.#instances.length;
    for (let step = 0; step < count; step++) {
      const instance = this.#instances[(this.#next + step) % count];
      if (instance?.idle) return instance;
    }
    return null;
  }

  /**
   * The busy instance that may take a batch ahead of time: the one that got its batch first. null when
   * there is none, or when fewer than `jobsQueued` jobs wait than could be needed elsewhere first.
   */
  prefetching(jobsQueued: number): Instance | null {
    let earliest: Instance | null = null;
    let candidates = 0;
    for (const instance of this.#instances) {
      if (!instance.takesAnother) continue;
      candidates++;
      if (earliest === null || instance.handedOver < earliest.handedOver) earliest = instance;
    }
    return jobsQueued >= candidates ? earliest : null;
  }

  /** Jobs that were handed over and wait for a batch to end. */
  get jobsBehind(): number {
    return this.#instances.reduce((sum, instance) => sum + instance.jobsBehind, 0);
  }

  /** Notes that `instance` gets a batch of `jobs` jobs. */
  handOver(instance: Instance, jobs: number): void {
    if (instance.batches > 0) instance.jobsBehind = jobs;
    instance.batches++;
    instance.handedOver = ++this.#handedOver;
    this.#next = (this.#instances.indexOf(instance) + 1) % this.#instances.length;
  }

  /** Notes that `instance` has finished a batch; `marks` is null when the run failed. */
  finish(instance: Instance, marks: RunMarks | null): void {
    instance.batches--;
    instance.jobsBehind = 0;
    if (marks !== null) instance.lastRunNs = marks.end - marks.start;
  }

  /** Changes of availability are no longer reported; the executors, which may serve others, stay. */
  letGo(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }
}
