import type { ModelConfig } from './message.js';
import { errorAt, type Problem, warningAt } from './problem.js';

/** What a configuration says of a model's metrics. */
export interface MetricsSpec {
  /** `metric_tags` by key, in the order of the alphabet. */
  readonly tags: readonly (readonly [key: string, value: string])[];
  /** Bounds of histograms by family, ascending: `model_metrics`. */
  readonly buckets: ReadonlyMap<string, readonly number[]>;
}

/** A configuration that says nothing of metrics. */
export const NO_METRICS: MetricsSpec = { tags: [], buckets: new Map() };

/** Histograms whose buckets a configuration may choose; the first one is Triton's. */
export const HISTOGRAM_FAMILIES = [
  'nv_inference_first_response_histogram_ms',
  'naiad_inference_duration_seconds',
  'naiad_inference_queue_seconds',
  'naiad_inference_compute_seconds',
  'naiad_inference_batch_rows',
] as const;
export type HistogramFamily = (typeof HISTOGRAM_FAMILIES)[number];

const TAG = /^[A-Za-z0-9_]+$/;

/** Most buckets of one histogram: each is a line of every scrape. */
const BUCKETS_MAX = 100;

/** Mistakes in `metric_tags` and `model_metrics`. */
export function findMetricProblems(config: ModelConfig): Problem[] {
  const found: Problem[] = [];
  for (const key of Object.keys(config.metric_tags)) {
    if (TAG.test(key)) continue;
    found.push(
      warningAt(
        ['metric_tags', key],
        `metric_tags '${key}' is ignored: a label of Prometheus has letters, digits and underscores`,
      ),
    );
  }
  const controls = config.model_metrics?.metric_control ?? [];
  controls.forEach(({ metric_identifier: identifier, histogram_options: options }, index) => {
    const path = ['model_metrics', 'metric_control', index];
    const family = identifier?.family ?? '';
    if (!HISTOGRAM_FAMILIES.some((known) => known === family)) {
      found.push(
        warningAt(
          [...path, 'metric_identifier', 'family'],
          `model_metrics of '${family}' is ignored: expected one of ${HISTOGRAM_FAMILIES.join(', ')}`,
        ),
      );
      return;
    }
    const buckets = options?.buckets ?? [];
    const isAscending = buckets.every((bound, at) => at === 0 || bound > (buckets[at - 1] as number));
    if (!isAscending || !buckets.every(Number.isFinite) || buckets.length > BUCKETS_MAX) {
      found.push(
        errorAt(
          [...path, 'histogram_options', 'buckets'],
          `buckets of '${family}' must be at most ${BUCKETS_MAX} ascending numbers`,
        ),
      );
    }
  });
  return found;
}

/** What a valid configuration says. */
export function compileMetrics(config: ModelConfig): MetricsSpec {
  const tags = Object.entries(config.metric_tags).filter(([key]) => TAG.test(key));
  const buckets = new Map<string, readonly number[]>();
  for (const { metric_identifier, histogram_options } of config.model_metrics?.metric_control ?? []) {
    const bounds = histogram_options?.buckets ?? [];
    if (metric_identifier !== undefined && bounds.length > 0) {
      buckets.set(metric_identifier.family, [...bounds]);
    }
  }
  return { tags: tags.sort(([a], [b]) => (a < b ? -1 : 1)), buckets };
}
