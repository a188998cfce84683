import type { RunMarks, RunOutputs } from '../backend/backend.js';
import { type ServingError, toServingError } from '../errors/serving-error.js';
import { invariant } from '../lib/invariant.js';
import type { Executor } from '../worker/executor.js';
import { gather } from './gather.js';
import { type AnsweringModel, scatter } from './scatter.js';
import type { BatchRecord, Job, JobAnswers, JobResult } from './scheduler.js';

/** Jobs that run together. */
export interface Batch {
  readonly jobs: readonly Job[];
  readonly rows: number;
}

/** How a run of a batch ended. */
export type RunResult =
  | { readonly kind: 'ran'; readonly outputs: RunOutputs }
  | { readonly kind: 'failed'; readonly error: ServingError };

/** Runs a batch on `executor`, which has it when this returns; never rejects. */
export async function run(
  executor: Executor,
  model: AnsweringModel,
  { jobs, rows }: Batch,
): Promise<RunResult> {
  const [first] = jobs;
  if (first?.answers !== undefined) {
    invariant(jobs.length === 1, 'a job that has several answers runs by itself');
    return stream(executor, model, first, first.answers);
  }
  try {
    return { kind: 'ran', outputs: await executor.run(gather(jobs, rows)) };
  } catch (error) {
    return { kind: 'failed', error: toServingError(error) };
  }
}

/** Has a job by itself answered any number of times; never rejects. */
async function stream(
  executor: Executor,
  model: AnsweringModel,
  job: Job,
  answers: JobAnswers,
): Promise<RunResult> {
  try {
    invariant(executor.stream !== undefined, `instance ${executor.name} answers as often as it likes`);
    const marks = await executor.stream(gather([job], job.rows), {
      cancellation: job.cancellation,
      async answer({ outputs, marks }) {
        for (const own of scatter(model, [job], job.rows, outputs)) await answers.answer(own, marks);
      },
    });
    return { kind: 'ran', outputs: { outputs: [], marks } };
  } catch (error) {
    return { kind: 'failed', error: toServingError(error) };
  }
}

/** The results of a batch's jobs, in their order; an answer that does not fit the batch fails them all. */
export function jobResults(model: AnsweringModel, { jobs, rows }: Batch, result: RunResult): JobResult[] {
  if (result.kind === 'failed') return jobs.map(() => failed(result.error));
  if (jobs[0]?.answers !== undefined) return [{ kind: 'answered', outputs: [] }];
  try {
    const answers = scatter(model, jobs, rows, result.outputs.outputs);
    return answers.map((outputs) => ({ kind: 'answered', outputs }));
  } catch (error) {
    return jobs.map(() => failed(toServingError(error)));
  }
}

function failed(error: ServingError): JobResult {
  return { kind: 'failed', reason: 'BACKEND', error };
}

/** Writes a run's marks into the timings of its jobs. */
export function stampTimings(jobs: readonly Job[], { start, inputEnd, outputStart, end }: RunMarks): void {
  for (const { timings } of jobs) {
    timings.computeStart = start;
    timings.computeInputEnd = inputEnd;
    timings.computeOutputStart = outputStart;
    timings.computeEnd = end;
  }
}

export function batchRecord(rows: number, { start, inputEnd, outputStart, end }: RunMarks): BatchRecord {
  return {
    rows,
    computeInputNs: inputEnd - start,
    computeInferNs: outputStart - inputEnd,
    computeOutputNs: end - outputStart,
  };
}
