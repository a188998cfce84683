import type { Timings } from '../inference/timings.js';
import { LIMITS } from '../settings/limits.js';
import type { FailureReason, ModelMeter } from './model-meter.js';

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

/** Sums of the answers that were the nth to their requests, n counting from 0. */
export interface ResponseDurations {
  readonly computeInfer: Duration;
  readonly computeOutput: Duration;
  readonly success: Duration;
  readonly fail: Duration;
  /** Ends that came without an answer of their own. */
  readonly empty: Duration;
  readonly cancel: Duration;
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
  /** What Prometheus is told is counted there as well; null where it is told nothing. */
  meter: ModelMeter | null = null;
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
  /** Of decoupled models that give several answers; the first of each request. */
  readonly responses = new Map<number, ResponseDurations>();

  /** A request of `rows` rows was answered at `endNs` (monotonic). */
  requestSucceeded(timings: Timings, rows: number, endNs: number): void {
    this.inferenceCount += Math.max(1, rows);
    add(this.success, endNs - timings.received);
    add(this.queue, timings.computeStart - timings.queueStart);
    add(this.computeInput, timings.computeInputEnd - timings.computeStart);
    add(this.computeInfer, timings.computeOutputStart - timings.computeInputEnd);
    add(this.computeOutput, timings.computeEnd - timings.computeOutputStart);
    this.meter?.succeeded(timings, rows, endNs);
  }

  requestFailed(receivedNs: number, endNs: number, reason: FailureReason): void {
    add(this.fail, endNs - receivedNs);
    this.meter?.failed(reason);
  }

  /** The first answer to a request was made at `nowNs`. */
  firstResponded(receivedNs: number, nowNs: number): void {
    this.meter?.firstResponded(receivedNs, nowNs);
  }

  /** `wallMs` is the time of day. */
  batchExecuted(rows: number, inputNs: number, inferNs: number, outputNs: number, wallMs: number): void {
    this.lastInference = wallMs;
    this.executionCount++;
    let batch = this.batches.get(rows);
    if (batch === undefined) {
      batch = { computeInput: zero(), computeInfer: zero(), computeOutput: zero() };
      this.batches.set(rows, batch);
    }
    add(batch.computeInput, inputNs);
    add(batch.computeInfer, inferNs);
    add(batch.computeOutput, outputNs);
    this.meter?.batchExecuted(rows);
  }

  /** The answer `index` to a request was computed until `outputStartNs` and made until `endNs`. */
  responseSucceeded(index: number, startNs: number, outputStartNs: number, endNs: number): void {
    const response = this.#response(index);
    if (response === null) return;
    add(response.computeInfer, outputStartNs - startNs);
    add(response.computeOutput, endNs - outputStartNs);
    add(response.success, endNs - startNs);
  }

  /** In place of an answer came an error. */
  responseFailed(index: number, startNs: number, endNs: number): void {
    const response = this.#response(index);
    if (response === null) return;
    add(response.computeInfer, endNs - startNs);
    add(response.fail, endNs - startNs);
  }

  /** In place of an answer came the end. */
  responseEmpty(index: number, startNs: number, endNs: number): void {
    const response = this.#response(index);
    if (response === null) return;
    add(response.computeInfer, endNs - startNs);
    add(response.empty, endNs - startNs);
  }

  /** Before an answer came nobody waited for it any more. */
  responseCancelled(index: number, startNs: number, endNs: number): void {
    const response = this.#response(index);
    if (response !== null) add(response.cancel, endNs - startNs);
  }

  /** Null for answers that are not counted one by one any more. */
  #response(index: number): ResponseDurations | null {
    if (index >= LIMITS.responseStatisticsMax) return null;
    let response = this.responses.get(index);
    if (response === undefined) {
      response = {
        computeInfer: zero(),
        computeOutput: zero(),
        success: zero(),
        fail: zero(),
        empty: zero(),
        cancel: zero(),
      };
      this.responses.set(index, response);
    }
    return response;
  }
}
