import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import type { Executor } from '../worker/executor.js';
import { Dispatcher } from './dispatcher.js';
import { Instances } from './instances.js';
import { OrderedRelease } from './ordered-release.js';
import { allowsPrefetch, batchPolicy } from './policy.js';
import { JobQueue } from './queue.js';
import type { BatchRecord, Scheduler } from './scheduler.js';

export interface SchedulerOptions {
  /** Name in error texts. */
  readonly model: string;
  readonly spec: Pick<ModelSpec, 'maxBatchSize' | 'inputs' | 'scheduling'>;
  /**
   * One per instance, at least one. They may outlive the scheduler, and serve the one after it while this
   * one drains: it lets go of them when its drain has ended.
   */
  readonly executors: readonly Executor[];
  readonly clock: Clock;
  /** Rows that may wait where the configuration sets no bound. */
  readonly queueRowsMax: number;
  /** Bytes of inputs that may wait. */
  readonly queueBytesMax: number;
  /** Whether jobs may have several answers: each runs by itself then, on an instance of its own. */
  readonly streams?: boolean;
  /** Called after each batch that ran, before its jobs are settled. */
  onBatch(record: BatchRecord): void;
}

/** The scheduler that a model's configuration asks for: direct, or Triton's dynamic batcher. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { model, spec, executors, clock, queueRowsMax, queueBytesMax, streams = false } = options;
  const { scheduling } = spec;
  invariant(executors.length > 0, `model '${model}' has no instance`);
  const ordered = scheduling.kind === 'dynamic' && scheduling.preserveOrdering;
  return new Dispatcher({
    model: { name: model, batching: spec.maxBatchSize > 0 },
    policy: streams ? { kind: 'direct' } : batchPolicy(spec),
    prefetch: !streams && allowsPrefetch(scheduling),
    queue: new JobQueue(scheduling, { rowsMax: queueRowsMax, bytesMax: queueBytesMax }),
    instances: (onAvailability) => new Instances(executors, onAvailability),
    order: ordered ? new OrderedRelease() : null,
    clock,
    onBatch: (record) => options.onBatch(record),
  });
}
