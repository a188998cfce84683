import type { AnswerMarks } from '../backend/backend.js';
import type { Timings } from '../inference/timings.js';
import type { JobResult } from '../scheduler/scheduler.js';
import type { StatisticsRecorder } from '../telemetry/statistics.js';

/** Counts the answers to one request, by their number, and how they ended. */
export class ResponseCounter {
  readonly #statistics: StatisticsRecorder;
  #answers = 0;
  #lastNs = 0;

  constructor(statistics: StatisticsRecorder) {
    this.#statistics = statistics;
  }

  get hasAnswered(): boolean {
    return this.#answers > 0;
  }

  answered({ start, outputStart, end }: AnswerMarks): void {
    this.#statistics.responseSucceeded(this.#answers++, start, outputStart, end);
    this.#lastNs = end;
  }

  /** The request is over: what came in place of a further answer. */
  settled(result: JobResult, timings: Timings, nowNs: number): void {
    // 0 when no thread has told that it has begun.
    const startNs = this.#lastNs === 0 ? timings.computeInputEnd : this.#lastNs;
    if (result.kind === 'answered') {
      this.#statistics.responseEmpty(this.#answers, startNs, timings.computeEnd);
    } else if (result.reason === 'BACKEND') {
      this.#statistics.responseFailed(this.#answers, startNs === 0 ? nowNs : startNs, nowNs);
    } else if (result.reason === 'CANCELED' && startNs > 0) {
      this.#statistics.responseCancelled(this.#answers, startNs, nowNs);
    }
  }
}
