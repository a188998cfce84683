import type { MeteringSettings } from '../settings/metering-settings.js';
import type { Histogram } from './histogram.js';
import type { Meters } from './meters.js';
import { type Family, labelText, sampleLine } from './metric-text.js';
import { FAILURE_REASONS, type ModelMeter, type StageSummaries } from './model-meter.js';

/** What waits for an instance of a model, at one moment. */
export interface QueueStatus {
  readonly requests: number;
  readonly rows: number;
  /** Bytes of their inputs. */
  readonly bytes: number;
  /** Since when the oldest waits, monotonic; Infinity when nothing does. */
  readonly oldestNs: number;
  /** Requests that wait in an instance, behind what it runs. */
  readonly handedOver: number;
}

/** A model version that is served. */
export interface MeteredModel {
  readonly meter: ModelMeter;
  readonly queue: QueueStatus;
}

/** Sums of durations, Triton's names and texts. */
const DURATIONS = [
  ['request', 'Cumulative inference request duration', 'includes', 'requestNs'],
  ['queue', 'Cumulative inference queuing duration', 'includes', 'queueNs'],
  ['compute_input', 'Cumulative compute input duration', 'does not include', 'computeInputNs'],
  ['compute_infer', 'Cumulative compute inference duration', 'does not include', 'computeInferNs'],
  ['compute_output', 'Cumulative inference compute output duration', 'does not include', 'computeOutputNs'],
] as const;

const SUMMARIES = [
  ['request', 'Summary of inference request duration', 'includes', 'request'],
  ['queue', 'Summary of inference queuing duration', 'includes', 'queue'],
  ['compute_input', 'Cumulative compute input duration', 'does not include', 'computeInput'],
  ['compute_infer', 'Cumulative compute inference duration', 'does not include', 'computeInfer'],
  ['compute_output', 'Cumulative inference compute output duration', 'does not include', 'computeOutput'],
] as const satisfies readonly (readonly [string, string, string, keyof StageSummaries])[];

/** Triton's families of models, in its order. */
export function* tritonFamilies(
  served: readonly MeteredModel[],
  meters: Meters,
  nowNs: number,
): Iterable<Family> {
  const { settings } = meters;
  const counter = (name: string, help: string, of: (meter: ModelMeter) => number): Family =>
    perModel(served, name, 'counter', help, ({ meter }) => of(meter));
  yield counter(
    'nv_inference_request_success',
    'Number of successful inference requests, all batch sizes',
    ({ success }) => success,
  );
  yield {
    name: 'nv_inference_request_failure',
    help: 'Number of failed inference requests, all batch sizes',
    type: 'counter',
    samples: failureLines(served, meters),
  };
  yield counter(
    'nv_inference_count',
    'Number of inferences performed (does not include cached requests)',
    ({ inferenceCount }) => inferenceCount,
  );
  yield counter(
    'nv_inference_exec_count',
    'Number of model executions performed (does not include cached requests)',
    ({ executionCount }) => executionCount,
  );
  if (settings.counterLatencies) {
    for (const [stage, what, cached, sum] of DURATIONS) {
      yield counter(
        `nv_inference_${stage}_duration_us`,
        `${what} in microseconds (${cached} cached requests)`,
        (meter) => Math.floor(meter[sum] / 1000),
      );
    }
  }
  yield perModel(
    served,
    'nv_inference_pending_request_count',
    'gauge',
    'Instantaneous number of pending requests awaiting execution per-model.',
    ({ queue }) => queue.requests + queue.handedOver,
  );
  yield perModel(
    served,
    'nv_model_load_duration_secs',
    'gauge',
    'Model load time in seconds',
    ({ meter }) => meter.loadSeconds,
  );
  if (settings.histogramLatencies) {
    yield histogramFamily(
      served,
      'nv_inference_first_response_histogram_ms',
      'Duration from request to first response in milliseconds',
      ({ firstResponseMs }) => firstResponseMs,
    );
  }
  if (settings.summaryLatencies) yield* summaries(served, settings, nowNs);
}

/** A family with one value of each model, but those that have none. */
export function perModel(
  served: readonly MeteredModel[],
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  valueFor: (model: MeteredModel) => number | null,
): Family {
  function* samples(): Iterable<string> {
    for (const model of served) {
      const value = valueFor(model);
      if (value !== null) yield sampleLine(name, withLabels(model.meter), value);
    }
  }
  return { name, help, type, samples: samples() };
}

/** A family with one histogram of each model that has it. */
export function histogramFamily(
  served: readonly MeteredModel[],
  name: string,
  help: string,
  histogramOf: (meter: ModelMeter) => Histogram | null,
): Family {
  function* samples(): Iterable<string> {
    for (const { meter } of served) {
      const histogram = histogramOf(meter);
      if (histogram !== null) yield histogramLines(name, withLabels(meter), histogram);
    }
  }
  return { name, help, type: 'histogram', samples: samples() };
}

/** The labels of a model; `between` comes after its name, as `reason` does in the alphabet. */
export function withLabels({ labels: { head, tail } }: ModelMeter, between = ''): string {
  return between === '' ? `${head},${tail}` : `${head},${between},${tail}`;
}

/** Of one moment, hence of one text. */
function histogramLines(name: string, labels: string, histogram: Histogram): string {
  const { cumulative, count, sum } = histogram.view();
  const lines = [
    sampleLine(`${name}_count`, labels, count),
    sampleLine(`${name}_sum`, labels, sum),
    ...cumulative.map((below, index) => {
      const bound = histogram.bounds[index];
      const le = labelText('le', bound === undefined ? '+Inf' : String(bound));
      return sampleLine(`${name}_bucket`, `${labels},${le}`, below);
    }),
  ];
  return lines.join('\n');
}

function* failureLines(served: readonly MeteredModel[], meters: Meters): Iterable<string> {
  const all = new Map<string, ModelMeter>();
  for (const meter of meters.known) all.set(withLabels(meter), meter);
  for (const { meter } of served) all.set(withLabels(meter), meter);
  for (const meter of all.values()) {
    for (const reason of FAILURE_REASONS) {
      const labels = withLabels(meter, labelText('reason', reason));
      yield sampleLine('nv_inference_request_failure', labels, meter.failures[reason]);
    }
  }
}

function* summaries(
  served: readonly MeteredModel[],
  { summaryQuantiles }: MeteringSettings,
  nowNs: number,
): Iterable<Family> {
  for (const [stage, what, cached, key] of SUMMARIES) {
    const name = `nv_inference_${stage}_summary_us`;
    function* samples(): Iterable<string> {
      for (const { meter } of served) {
        const summary = meter.summaries?.[key];
        if (summary === undefined) continue;
        const labels = withLabels(meter);
        const values = summary.quantiles(summaryQuantiles, nowNs);
        yield [
          sampleLine(`${name}_count`, labels, summary.count),
          sampleLine(`${name}_sum`, labels, summary.sum),
          ...summaryQuantiles.map((quantile, index) =>
            sampleLine(name, `${labels},${labelText('quantile', String(quantile))}`, values[index] as number),
          ),
        ].join('\n');
      }
    }
    yield {
      name,
      help: `${what} in microseconds (${cached} cached requests)`,
      type: 'summary',
      samples: samples(),
    };
  }
}
