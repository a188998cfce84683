import type { AnswerMarks } from '../backend/backend.js';
import type { ServingError } from '../errors/serving-error.js';
import type { Cancellation } from '../inference/request.js';
import type { Timings } from '../inference/timings.js';
import type { FailureReason } from '../telemetry/model-meter.js';
import type { QueueStatus } from '../telemetry/triton-families.js';
import type { NamedTensor } from '../tensor/tensor.js';

/**
 * A checked request on its way through a scheduler: tensors in the backend's shapes. The answer channel
 * and the stage timestamps travel inside. `settle` is called exactly once.
 */
export interface Job {
  /** `[request id: x] ` or so, the prefix of Triton's request errors. */
  readonly prefix: string;
  /** Every tensor has `rows` as its first dim when the model batches. */
  readonly inputs: readonly NamedTensor[];
  /** 1 for models without a batch dimension. */
  readonly rows: number;
  /** Output names wanted, in the order they are wanted. */
  readonly outputs: readonly string[];
  readonly priority: number;
  readonly timeoutUs: number;
  readonly deadlineNs: number;
  readonly cancellation: Cancellation;
  readonly timings: Timings;
  /** Where the answers go of a job that may have several; missing when it has one. */
  readonly answers?: JobAnswers;
  settle(result: JobResult): void;
}

/** Takes the answers of a job one by one. */
export interface JobAnswers {
  /** `outputs` are those that the job wants. The next answer waits for the promise. */
  answer(outputs: readonly NamedTensor[], marks: AnswerMarks): Promise<void>;
}

/** `answered`: with the outputs, or without any at the end of a job that has {@link Job.answers}. */
export type JobResult =
  | { readonly kind: 'answered'; readonly outputs: readonly NamedTensor[] }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly error: ServingError };

export type { FailureReason };

/** A batch that ran, for statistics. */
export interface BatchRecord {
  readonly rows: number;
  readonly computeInputNs: number;
  readonly computeInferNs: number;
  readonly computeOutputNs: number;
}

export interface Scheduler {
  /** Takes a job; a refusal settles it before `submit` returns. */
  submit(job: Job): void;
  /** Jobs accepted and not yet settled. */
  readonly pending: number;
  /** Jobs waiting for an instance. */
  readonly queued: number;
  /** What waits now; takes as long as there are jobs that a queue policy has put back. */
  queueStatus(): QueueStatus;
  /** Refuses new jobs from now on; resolves when all accepted ones are settled. */
  drain(): Promise<void>;
}
