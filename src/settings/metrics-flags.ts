import { didYouMean } from '../lib/did-you-mean.js';
import { booleanFlag, integerFlag, textFlag } from './flag.js';
import { DEFAULT_METERING, type MeteringSettings } from './metering-settings.js';
import type { ParsedFlags } from './parse-flags.js';
import { PORT } from './port.js';

const METRICS = 'Metrics';

const DAY_MS = 86_400_000;

/** The flags of `naiad serve` about metrics. */
export const METRICS_FLAGS = {
  allowMetrics: booleanFlag({
    name: 'allow-metrics',
    group: METRICS,
    fallback: true,
    help: 'Serve metrics in the format of Prometheus.',
  }),
  metricsAddress: textFlag({
    name: 'metrics-address',
    group: METRICS,
    fallback: '',
    fallbackText: 'that of --http-address',
    placeholder: 'ADDRESS',
    help: 'Address to listen on for metrics.',
  }),
  metricsPort: integerFlag({
    name: 'metrics-port',
    group: METRICS,
    fallback: 8002,
    ...PORT,
    help: 'Port for metrics; 0 = any free one.',
  }),
  allowCpuMetrics: booleanFlag({
    name: 'allow-cpu-metrics',
    group: METRICS,
    fallback: DEFAULT_METERING.cpu,
    help: "Tell how busy the machine's processors are, and how much of its memory is in use.",
  }),
  allowGpuMetrics: booleanFlag({
    name: 'allow-gpu-metrics',
    group: METRICS,
    fallback: DEFAULT_METERING.gpu,
    help: 'Tell the same of GPUs, where something is known of them; nothing is yet.',
  }),
  metricsIntervalMs: integerFlag({
    name: 'metrics-interval-ms',
    group: METRICS,
    fallback: DEFAULT_METERING.intervalMs,
    min: 1,
    max: DAY_MS,
    placeholder: 'MS',
    help: 'How old what is told of the machine may be. It is measured when metrics are asked for.',
  }),
  metricsConfig: textFlag({
    name: 'metrics-config',
    group: METRICS,
    fallback: '',
    placeholder: 'SETTING=VALUE',
    repeatable: true,
    help: 'counter_latencies=true|false: sums of durations (true); histogram_latencies=true|false: histogram of the time to the first response (false); summary_latencies=true|false: quantiles of durations (false), summary_quantiles=QUANTILE:ERROR,...; stage_histograms=true|false: histograms of total, queue and compute time and of batch sizes (true).',
  }),
} as const;

type Draft<T> = { -readonly [K in keyof T]: T[K] };

const SWITCHES: Readonly<
  Record<string, 'counterLatencies' | 'histogramLatencies' | 'summaryLatencies' | 'stageHistograms'>
> = {
  counter_latencies: 'counterLatencies',
  histogram_latencies: 'histogramLatencies',
  summary_latencies: 'summaryLatencies',
  stage_histograms: 'stageHistograms',
};

const QUANTILES = 'summary_quantiles';

/** What the flags about metrics come to; mistakes and warnings are whole lines for the user. */
export interface ReadMetrics {
  readonly settings: MeteringSettings;
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads all flags about what is measured. */
export function readMetricsFlags(flags: ParsedFlags): ReadMetrics {
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const settings: Draft<MeteringSettings> = {
    ...DEFAULT_METERING,
    cpu: flags.get(METRICS_FLAGS.allowCpuMetrics),
    gpu: flags.get(METRICS_FLAGS.allowGpuMetrics),
    intervalMs: flags.get(METRICS_FLAGS.metricsIntervalMs),
  };
  for (const text of flags.all(METRICS_FLAGS.metricsConfig)) {
    const where = `--metrics-config=${text}`;
    const [, key = '', value] = /^([^=,]+)=(.*)$/s.exec(text) ?? [];
    if (value === undefined) {
      mistakes.push(`${where}: expected setting=value`);
      continue;
    }
    const setting = Object.hasOwn(SWITCHES, key) ? SWITCHES[key] : undefined;
    if (setting !== undefined) {
      // Triton takes any other word for the default.
      if (value === 'true' || value === 'false') settings[setting] = value === 'true';
      else mistakes.push(`${where}: expected true or false`);
    } else if (key === QUANTILES) {
      const read = readQuantiles(value);
      warnings.push(...read.problems.map((problem) => `${where}: ${problem}`));
      if (read.quantiles.length > 0) settings.summaryQuantiles = read.quantiles;
    } else {
      const hint = didYouMean(key, [...Object.keys(SWITCHES), QUANTILES]);
      warnings.push(`${where} is ignored: no setting '${key}'${hint}`);
    }
  }
  return { settings, mistakes, warnings };
}

/** The error behind each quantile changes nothing here, and is not looked at. */
function readQuantiles(text: string): { quantiles: number[]; problems: string[] } {
  const quantiles: number[] = [];
  const problems: string[] = [];
  for (const pair of text.split(',')) {
    const [, quantile] = /^\s*([\d.]+(?:e-?\d+)?)\s*:/i.exec(pair) ?? [];
    const value = Number.parseFloat(quantile ?? '');
    if (value >= 0 && value <= 1) quantiles.push(value);
    else problems.push(`'${pair}' is ignored: expected a quantile from 0 to 1, a colon and its error`);
  }
  return { quantiles: [...new Set(quantiles)].sort((a, b) => a - b), problems };
}
