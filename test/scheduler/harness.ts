import type { InputSpec, SchedulingSpec } from '#naiad/model-config/model-spec.js';
import { createScheduler } from '#naiad/scheduler/create.js';
import type { BatchRecord, Job, Scheduler } from '#naiad/scheduler/scheduler.js';
import { FakeClock } from '../support/fake-clock.js';
import { aJob, anInput, HeldExecutor, type TestJob } from './builders.js';

export interface HarnessOptions {
  readonly scheduling: SchedulingSpec;
  readonly maxBatchSize: number;
  readonly inputs: readonly InputSpec[];
  readonly instances: number;
  readonly queueRowsMax: number;
  readonly queueBytesMax: number;
  readonly clock: FakeClock;
}

/** A scheduler over instances whose runs the test ends, under a clock that the test turns. */
export interface Harness {
  readonly clock: FakeClock;
  readonly scheduler: Scheduler;
  readonly executors: readonly HeldExecutor[];
  /** The first instance. */
  readonly executor: HeldExecutor;
  readonly batches: BatchRecord[];
  submit(overrides?: Partial<Job>): TestJob;
}

export function aScheduler(overrides: Partial<HarnessOptions> = {}): Harness {
  const {
    scheduling = { kind: 'direct' },
    maxBatchSize = 8,
    inputs = [anInput()],
    instances = 1,
    queueRowsMax = 1000,
    queueBytesMax = 1 << 20,
    clock = new FakeClock(),
  } = overrides;
  const executor = new HeldExecutor(clock);
  const executors = [executor, ...Array.from({ length: instances - 1 }, () => new HeldExecutor(clock))];
  const batches: BatchRecord[] = [];
  const scheduler = createScheduler({
    model: 'm',
    spec: { maxBatchSize, inputs, scheduling },
    executors,
    clock,
    queueRowsMax,
    queueBytesMax,
    onBatch: (record) => batches.push(record),
  });
  const submit = (job: Partial<Job> = {}): TestJob => {
    const test = aJob(job);
    scheduler.submit(test);
    return test;
  };
  return { clock, scheduler, executors, executor, batches, submit };
}
