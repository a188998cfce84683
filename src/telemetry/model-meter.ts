import type { Timings } from '../inference/timings.js';
import type { HistogramFamily, MetricsSpec } from '../model-config/model-metrics.js';
import type { MeteringSettings } from '../settings/metering-settings.js';
import { Histogram } from './histogram.js';
import { labelText } from './metric-text.js';
import { SlidingSummary } from './sliding-summary.js';

/** How accepted requests fail, the label of Triton's nv_inference_request_failure. */
export const FAILURE_REASONS = ['OTHER', 'CANCELED', 'BACKEND', 'REJECTED'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** How often requests failed. */
export type Failures = Record<FailureReason, number>;

const SECOND_NS = 1e9;

const SECONDS = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
] as const;

/** Every histogram of a model with the bounds that it has where the model's configuration gives none. */
export const HISTOGRAMS = {
  nv_inference_first_response_histogram_ms: [100, 500, 2000, 5000],
  naiad_inference_duration_seconds: SECONDS,
  naiad_inference_queue_seconds: SECONDS,
  naiad_inference_compute_seconds: SECONDS,
  naiad_inference_batch_rows: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
} as const satisfies Record<HistogramFamily, readonly number[]>;

/** This server's histograms of one model version. */
export interface StageHistograms {
  /** From the request's arrival to its answer. */
  readonly total: Histogram;
  readonly queue: Histogram;
  readonly compute: Histogram;
  readonly batchRows: Histogram;
}

/** Triton's summaries of one model version, microseconds. */
export interface StageSummaries {
  readonly request: SlidingSummary;
  readonly queue: SlidingSummary;
  readonly computeInput: SlidingSummary;
  readonly computeInfer: SlidingSummary;
  readonly computeOutput: SlidingSummary;
}

/**
 * What Prometheus is told of one model version: plain numbers, added to where requests are answered and read
 * when metrics are asked for. It goes on through reloads, while the statistics of the protocol begin anew.
 */
export class ModelMeter {
  /** Its labels as text, in the order of the alphabet; others go between, or behind. */
  readonly labels: { readonly head: string; readonly tail: string };
  readonly failures: Failures;
  /** Requests that were not computed, by why. */
  readonly refusals = new Map<string, number>();
  readonly stages: StageHistograms | null;
  readonly firstResponseMs: Histogram | null;
  readonly summaries: StageSummaries | null;
  /** Of the last load; null before. */
  loadSeconds: number | null = null;
  success = 0;
  inferenceCount = 0;
  executionCount = 0;
  requestNs = 0;
  queueNs = 0;
  computeInputNs = 0;
  computeInferNs = 0;
  computeOutputNs = 0;

  /** `failures` go on in this meter when they are those of an earlier one. */
  constructor(
    model: string,
    version: number,
    spec: MetricsSpec,
    settings: MeteringSettings,
    failures: Failures = { OTHER: 0, CANCELED: 0, BACKEND: 0, REJECTED: 0 },
  ) {
    this.labels = {
      head: [...spec.tags.map(([tag, text]) => labelText(`_${tag}`, text)), labelText('model', model)].join(
        ',',
      ),
      tail: labelText('version', String(version)),
    };
    this.failures = failures;
    const histogram = (family: HistogramFamily, unit = 1): Histogram =>
      new Histogram(spec.buckets.get(family) ?? HISTOGRAMS[family], unit);
    this.stages = settings.stageHistograms
      ? {
          total: histogram('naiad_inference_duration_seconds', SECOND_NS),
          queue: histogram('naiad_inference_queue_seconds', SECOND_NS),
          compute: histogram('naiad_inference_compute_seconds', SECOND_NS),
          batchRows: histogram('naiad_inference_batch_rows'),
        }
      : null;
    this.firstResponseMs = settings.histogramLatencies
      ? histogram('nv_inference_first_response_histogram_ms')
      : null;
    this.summaries = settings.summaryLatencies
      ? {
          request: new SlidingSummary(),
          queue: new SlidingSummary(),
          computeInput: new SlidingSummary(),
          computeInfer: new SlidingSummary(),
          computeOutput: new SlidingSummary(),
        }
      : null;
  }

  /** A request of `rows` rows was answered at `endNs`. */
  succeeded(timings: Timings, rows: number, endNs: number): void {
    const { received, queueStart, computeStart, computeInputEnd, computeOutputStart, computeEnd } = timings;
    const requestNs = Math.max(0, endNs - received);
    const queueNs = Math.max(0, computeStart - queueStart);
    const inputNs = Math.max(0, computeInputEnd - computeStart);
    const inferNs = Math.max(0, computeOutputStart - computeInputEnd);
    const outputNs = Math.max(0, computeEnd - computeOutputStart);
    this.success++;
    this.inferenceCount += Math.max(1, rows);
    this.requestNs += requestNs;
    this.queueNs += queueNs;
    this.computeInputNs += inputNs;
    this.computeInferNs += inferNs;
    this.computeOutputNs += outputNs;
    const { stages, summaries } = this;
    if (stages !== null) {
      stages.total.observe(requestNs);
      stages.queue.observe(queueNs);
      stages.compute.observe(inputNs + inferNs + outputNs);
    }
    if (summaries !== null) {
      summaries.request.observe(requestNs / 1000, endNs);
      summaries.queue.observe(queueNs / 1000, endNs);
      summaries.computeInput.observe(inputNs / 1000, endNs);
      summaries.computeInfer.observe(inferNs / 1000, endNs);
      summaries.computeOutput.observe(outputNs / 1000, endNs);
    }
  }

  failed(reason: FailureReason): void {
    this.failures[reason]++;
  }

  /** The first answer to a request was made at `nowNs`. Whole milliseconds, as Triton's. */
  firstResponded(receivedNs: number, nowNs: number): void {
    this.firstResponseMs?.observe(Math.floor(Math.max(0, nowNs - receivedNs) / 1e6));
  }

  batchExecuted(rows: number): void {
    this.executionCount++;
    this.stages?.batchRows.observe(rows);
  }

  refused(why: string): void {
    this.refusals.set(why, (this.refusals.get(why) ?? 0) + 1);
  }
}
