import type { Timings } from '../inference/timings.js';

/** Count and summed nanoseconds of one stage. */
export interface Duration {
  count: number;
  ns: number;
}

const zero = (): Duration => ({ count: 0, ns: 0 });

function add(duration: Duration, ns: number): void {
  duration.count++;
  duration.ns += Math.max(0, ns);
}

/** Sums of the batches that had one size. */
export interface BatchDurations {
  readonly computeInput: Duration;
  readonly computeInfer: Duration;
  readonly computeOutput: Duration;
}

/**
 * Counters of one model version with Triton's arithmetic: each request of a batch adds the whole
 * batch's compute durations; batch durations are added once per execution.
 */
export class StatisticsRecorder {
  /** Milliseconds since the epoch; 0 = never. */
  lastInference = 0;
  inferenceCount = 0;
  executionCount = 0;
  readonly success = zero();
  readonly fail = zero();
  readonly queue = zero();
  readonly computeInput = zero();
  readonly computeInfer = zero();
  readonly computeOutput = zero();
  readonly batches = new Map<number, BatchDurations>();

  /** A request of `rows` rows was answered at `endNs` (monotonic); `wallMs` is the time of day. */
  requestSucceeded(timings: Timings, rows: number, endNs: number, wallMs: number): void {
    this.lastInference = wallMs;
    this.inferenceCount += Math.max(1, rows);
    add(this.success, endNs - timings.received);
    add(this.queue, timings.computeStart - timings.queueStart);
    add(this.computeInput, timings.computeInputEnd - timings.computeStart);
    add(this.computeInfer, timings.computeOutputStart - timings.computeInputEnd);
    add(this.computeOutput, timings.computeEnd - timings.computeOutputStart);
  }

  requestFailed(receivedNs: number, endNs: number): void {
    add(this.fail, endNs - receivedNs);
  }

  batchExecuted(rows: number, inputNs: number, inferNs: number, outputNs: number): void {
    this.executionCount++;
    let batch = this.batches.get(rows);
    if (batch === undefined) {
      batch = { computeInput: zero(), computeInfer: zero(), computeOutput: zero() };
      this.batches.set(rows, batch);
    }
    add(batch.computeInput, inputNs);
    add(batch.computeInfer, inferNs);
    add(batch.computeOutput, outputNs);
  }
}
