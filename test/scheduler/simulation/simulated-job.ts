import { deepEqual } from 'node:assert/strict';
import { Canceller } from '#naiad/inference/request.js';
import { newTimings } from '#naiad/inference/timings.js';
import { priorityLevel, queuePolicy, queueTimeoutUs } from '#naiad/scheduler/queue-policy.js';
import type { Job, JobResult } from '#naiad/scheduler/scheduler.js';
import { splitBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import { bytesTensor, int32Tensor, int32Values } from '../builders.js';
import type { Random } from './random.js';
import type { Scenario } from './scenario.js';
import { textOf } from './simulated-executor.js';

/** Rows of job `id` are numbered from `id * ROWS_PER_JOB`, so that each row tells whose it is. */
export const ROWS_PER_JOB = 100;

/** What the simulation knows of a job besides what it told the scheduler. */
export interface SimulatedJob {
  readonly id: number;
  readonly job: Job;
  readonly canceller: Canceller;
  readonly level: number;
  readonly bytes: number;
  readonly width: number;
  readonly submittedNs: number;
  /** When its queue policy strikes; Infinity when never. */
  readonly timeoutNs: number;
  readonly delays: boolean;
  state: 'waiting' | 'running' | 'settled';
}

export function randomJob(
  random: Random,
  { spec, runNs }: Scenario,
  id: number,
  nowNs: number,
  settle: (simulated: SimulatedJob, result: JobResult) => void,
): SimulatedJob {
  const { maxBatchSize, scheduling, inputs } = spec;
  const batching = maxBatchSize > 0;
  const rows = batching ? (random.chance(0.6) ? 1 : random.between(1, maxBatchSize)) : 1;
  const width = inputs[0]?.dims[0] === -1 ? random.pick([1, 1, 1, 2, 3]) : 1;
  const numbers = Array.from({ length: rows }, (_, row) => id * ROWS_PER_JOB + row);
  const batch = batching ? [rows] : [];
  const tensors = [
    int32Tensor(
      'IN',
      [...batch, width],
      numbers.flatMap((value) => new Array<number>(width).fill(value)),
    ),
  ];
  if (inputs[1]?.optional !== true || random.chance(0.5)) {
    tensors.push(bytesTensor('TEXT', [...batch, 1], numbers.map(textOf)));
  }
  const canceller = new Canceller();
  const job: Job = {
    prefix: '',
    inputs: random.chance(0.2) ? tensors.reverse() : tensors,
    rows,
    outputs: random.pick([['OUT'], ['TEXT_OUT'], ['OUT', 'TEXT_OUT'], ['TEXT_OUT', 'OUT']]),
    priority: random.between(0, 6),
    timeoutUs: random.chance(0.7) ? 0 : random.between(1, (3 * runNs) / 1000),
    deadlineNs: random.chance(0.7) ? Number.POSITIVE_INFINITY : nowNs + random.between(0, 5 * runNs),
    cancellation: canceller,
    timings: newTimings(nowNs),
    settle: (result) => settle(simulated, result),
  };
  const level = priorityLevel(scheduling, job.priority);
  const policy = queuePolicy(scheduling, level);
  const timeoutUs = queueTimeoutUs(policy, job.timeoutUs);
  const simulated: SimulatedJob = {
    id,
    job,
    canceller,
    level,
    bytes: tensors.reduce((sum, { data }) => sum + data.length, 0),
    width,
    submittedNs: nowNs,
    timeoutNs: timeoutUs === 0 ? Number.POSITIVE_INFINITY : nowNs + timeoutUs * 1000,
    delays: policy.timeoutAction === 'DELAY',
    state: 'waiting',
  };
  return simulated;
}

/** Asserts that `outputs` are those that the job wanted, with exactly its own rows. */
export function expectOwnRows({ id, job, width }: SimulatedJob, outputs: readonly NamedTensor[]): void {
  deepEqual(
    outputs.map(({ name }) => name),
    job.outputs,
  );
  const numbers = Array.from({ length: job.rows }, (_, row) => id * ROWS_PER_JOB + row);
  for (const output of outputs) {
    if (output.name === 'OUT') {
      deepEqual(
        int32Values(output),
        numbers.flatMap((value) => new Array<number>(width).fill(value)),
      );
    } else {
      const texts = splitBytes(output.data).map((element) => Buffer.from(element).toString());
      deepEqual(texts, numbers.map(textOf));
      deepEqual(output.shape, [job.rows, 1]);
    }
  }
}
