import type { QuantizationMode } from '../model-config/quantization.js';
import type { Comparison } from './compare-models.js';
import type { KernelCounts } from './kernels.js';
import type { LayerReport } from './method.js';
import type { MethodMode } from './methods.js';
import type { QuantizationReport } from './report.js';

/** What came of one mode. */
export interface Attempt {
  readonly mode: MethodMode;
  /** Why it is not to be served; '' when it may be. */
  readonly reason: string;
  /** Absolute path of the folder with the model as it was rewritten. */
  readonly plain: string;
  /** Absolute path of the folder with what would be served. */
  readonly directory: string;
  readonly compiled: boolean;
  readonly bytes: number;
  readonly layers: readonly LayerReport[];
  readonly kernels: KernelCounts;
  readonly findings: readonly string[];
  /** With the original; null when it did not come to that. */
  readonly comparison: Comparison | null;
}

/** An `auto` that wins less than this is no gain. */
const GAIN_MIN = 1.03;

/** Layers with the largest error that a report names. */
const WORST_LAYERS_MAX = 10;

/** What is to be served: the fastest of those that may be; undefined when that is the original. */
export function bestOf(requested: QuantizationMode, attempts: readonly Attempt[]): Attempt | undefined {
  const mayServe = ({ reason, comparison }: Attempt): boolean =>
    reason === '' &&
    (requested !== 'auto' ||
      (comparison !== null && comparison.runMs.original >= comparison.runMs.other * GAIN_MIN));
  return attempts.filter(mayServe).sort((a, b) => otherMs(a) - otherMs(b))[0];
}

/** The report on all attempts, of which `best` is served. */
export function reportOf(
  attempts: readonly Attempt[],
  best: Attempt | undefined,
  {
    requested,
    modelBytes,
    ...told
  }: Pick<QuantizationReport, 'requested' | 'steps'> & {
    readonly modelBytes: number;
    readonly samples: QuantizationReport['samples']['kind'];
  },
): QuantizationReport {
  const shown = best ?? attempts.at(-1);
  const rejected = attempts
    .filter((attempt) => attempt !== best)
    .map((attempt) => ({ mode: attempt.mode, reason: whyNot(attempt, best) }));
  const layers = shown?.layers ?? [];
  const kept = layers.filter(({ outcome }) => outcome === 'kept');
  return {
    requested,
    mode: shown?.mode ?? requested,
    outcome: best === undefined ? 'original' : 'quantized',
    reason: best === undefined ? whyOriginal(requested, rejected) : '',
    samples: { kind: told.samples, count: shown?.comparison?.samples ?? 0 },
    bytes: { original: modelBytes, quantized: shown?.bytes ?? 0 },
    runMs: {
      original: hundredths(shown?.comparison?.runMs.original ?? 0),
      quantized: hundredths(shown?.comparison?.runMs.other ?? 0),
    },
    steps: told.steps,
    outputs: shown?.comparison?.outputs ?? [],
    findings: shown?.findings ?? [],
    kernels: shown?.kernels ?? {},
    layers: {
      quantized: layers.length - kept.length,
      kept: kept.length,
      worst: layers
        .filter(({ outcome }) => outcome === 'quantized')
        .sort((a, b) => b.weightError - a.weightError)
        .slice(0, WORST_LAYERS_MAX),
      reasons: countOf(kept.map(({ reason }) => reason)),
    },
    rejected: requested === 'auto' ? rejected : [],
  };
}

function whyNot({ reason, comparison }: Attempt, best: Attempt | undefined): string {
  if (reason !== '') return reason;
  const ms = hundredths(comparison?.runMs.other ?? 0);
  return best === undefined
    ? `a run takes ${ms} ms, of the original ${hundredths(comparison?.runMs.original ?? 0)} ms`
    : `a run takes ${ms} ms, with ${best.mode} ${hundredths(otherMs(best))} ms`;
}

function whyOriginal(requested: QuantizationMode, rejected: QuantizationReport['rejected']): string {
  if (requested !== 'auto') return rejected[0]?.reason ?? '';
  if (rejected.length === 0) return 'no mode suits its operators and the device';
  return `no mode is faster and within the bounds: ${rejected.map(({ mode, reason }) => `${mode}: ${reason}`).join('; ')}`;
}

function otherMs({ comparison }: Attempt): number {
  return comparison?.runMs.other ?? Number.POSITIVE_INFINITY;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function countOf(texts: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return Object.fromEntries(counts);
}
