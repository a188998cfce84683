import type { RunInputs, RunMarks, RunOutputs } from '#naiad/backend/backend.js';
import { ServingError } from '#naiad/errors/serving-error.js';
import { NEVER_CANCELLED } from '#naiad/inference/request.js';
import { newTimings } from '#naiad/inference/timings.js';
import type { Clock } from '#naiad/lib/clock.js';
import type { DynamicBatchingSpec, InputSpec, QueuePolicy } from '#naiad/model-config/model-spec.js';
import type { BatchPolicy } from '#naiad/scheduler/policy.js';
import { batchPolicy } from '#naiad/scheduler/policy.js';
import type { Job, JobResult } from '#naiad/scheduler/scheduler.js';
import { joinBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import type { Executor } from '#naiad/worker/executor.js';

/** A job that keeps what it was settled with. */
export interface TestJob extends Job {
  readonly results: JobResult[];
}

export function aJob(overrides: Partial<Job> = {}): TestJob {
  const results: JobResult[] = [];
  const rows = overrides.rows ?? 1;
  return {
    prefix: '[request id: test] ',
    inputs: [int32Tensor('IN', [rows, 1], new Array(rows).fill(0))],
    rows,
    outputs: ['IN'],
    priority: 0,
    timeoutUs: 0,
    deadlineNs: Number.POSITIVE_INFINITY,
    cancellation: NEVER_CANCELLED,
    timings: newTimings(0),
    settle: (result) => results.push(result),
    ...overrides,
    results,
  };
}

/** How a job was settled: 'answered', or the error's status and text. */
export function outcome(job: TestJob): string {
  const [result] = job.results;
  if (result === undefined) return 'pending';
  if (job.results.length > 1) return `settled ${job.results.length} times`;
  if (result.kind === 'answered') return 'answered';
  return `${result.reason} ${result.error.code} ${result.error.message}`;
}

/** The tensors a job was answered with. */
export function answer(job: TestJob): readonly NamedTensor[] {
  const [result] = job.results;
  if (result?.kind !== 'answered') throw new Error(`not answered: ${outcome(job)}`);
  return result.outputs;
}

export function int32Tensor(name: string, shape: readonly number[], values: readonly number[]): NamedTensor {
  return { name, datatype: 'INT32', shape, data: new Uint8Array(Int32Array.from(values).buffer) };
}

export function bytesTensor(name: string, shape: readonly number[], values: readonly string[]): NamedTensor {
  return { name, datatype: 'BYTES', shape, data: joinBytes(values.map((value) => Buffer.from(value))) };
}

export function int32Values({ data }: NamedTensor): number[] {
  return [...new Int32Array(new Uint8Array(data).buffer)];
}

export function anInput(overrides: Partial<InputSpec> = {}): InputSpec {
  const dims = overrides.dims ?? [1];
  return {
    name: 'IN',
    datatype: 'INT32',
    dims,
    backendDims: dims,
    format: 'FORMAT_NONE',
    optional: false,
    allowRaggedBatch: false,
    image: null,
    ...overrides,
  };
}

export function aQueuePolicy(overrides: Partial<QueuePolicy> = {}): QueuePolicy {
  return {
    timeoutAction: 'REJECT',
    defaultTimeoutUs: 0,
    allowTimeoutOverride: false,
    queueRequestsMax: 0,
    ...overrides,
  };
}

export function dynamicBatching(overrides: Partial<DynamicBatchingSpec> = {}): DynamicBatchingSpec {
  return {
    kind: 'dynamic',
    preferredBatchSizes: [8],
    queueDelayUsMax: 0,
    preserveOrdering: false,
    priorityLevels: 0,
    defaultPriorityLevel: 0,
    defaultQueuePolicy: aQueuePolicy(),
    priorityQueuePolicies: new Map(),
    ...overrides,
  };
}

export interface PolicyOptions {
  readonly preferred: readonly number[];
  readonly rowsMax: number;
  readonly delayUs: number;
  readonly inputs: readonly InputSpec[];
}

export function aPolicy(overrides: Partial<PolicyOptions> = {}): BatchPolicy {
  const { preferred = [8], rowsMax = 8, delayUs = 0, inputs = [anInput()] } = overrides;
  return batchPolicy({
    maxBatchSize: rowsMax,
    inputs,
    scheduling: dynamicBatching({ preferredBatchSizes: preferred, queueDelayUsMax: delayUs }),
  });
}

/** A run that a test ends when it likes. */
export interface HeldRun {
  readonly batch: RunInputs;
  /** Ends it with `outputs`, by default the inputs of the batch. */
  answer(outputs?: readonly NamedTensor[], runNs?: number): void;
  fail(error: Error): void;
}

/** An instance whose runs a test ends one by one. */
export class HeldExecutor implements Executor {
  readonly name = 'held';
  readonly description = null;
  available = true;
  /** Handed over and not ended, in that order. */
  readonly runs: HeldRun[] = [];
  readonly batchSizes: number[] = [];
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Those who want to know of availability. */
  get listeners(): number {
    return this.#listeners.size;
  }

  onAvailability(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  setAvailable(available: boolean): void {
    this.available = available;
    for (const listener of this.#listeners) listener();
  }

  run(batch: RunInputs): Promise<RunOutputs> {
    this.batchSizes.push(batch.inputs[0]?.shape[0] ?? 0);
    return new Promise((resolve, reject) => {
      const held: HeldRun = {
        batch,
        answer: (outputs = batch.inputs, runNs = 0) => {
          this.#end(held);
          resolve({ outputs, marks: marksOf(this.#clock.nowNs(), runNs) });
        },
        fail: (error) => {
          this.#end(held);
          reject(error);
        },
      };
      this.runs.push(held);
    });
  }

  unload(): Promise<void> {
    return Promise.resolve();
  }

  /** The run that is at work. */
  get current(): HeldRun {
    const [run] = this.runs;
    if (run === undefined) throw new Error('nothing runs');
    return run;
  }

  #end(run: HeldRun): void {
    this.runs.splice(this.runs.indexOf(run), 1);
  }
}

/** Marks of a run that took `runNs` and ends at `end`. */
export function marksOf(end: number, runNs: number): RunMarks {
  const start = end - runNs;
  return { start, inputEnd: start + runNs / 4, outputStart: end - runNs / 4, end };
}

export function laneLost(): ServingError {
  return new ServingError('UNAVAILABLE', 'the worker has stopped');
}
