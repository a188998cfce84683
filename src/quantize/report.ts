import type { CalibrationSource, QuantizationMode } from '../model-config/quantization.js';
import type { LayerReport } from './method.js';

/** How far the answers of two models lie apart in one output, over all samples. */
export interface OutputError {
  readonly name: string;
  /** Whether it holds floats, of which the cosine is asked; of others, whether they are equal. */
  readonly isFloat: boolean;
  /** Numbers, or texts, that were held against each other; those infinite in the original say nothing. */
  readonly compared: number;
  /** Of all numbers together; 1 when both are zero everywhere. */
  readonly cosine: number;
  /** Of the sample in which it is smallest. */
  readonly cosineMin: number;
  /** Root mean square of the differences, relative to that of the original. */
  readonly relativeRmse: number;
  readonly maxAbs: number;
  /**
   * Rows in which both name the same class, as a part of all rows; of integers and texts the part that is
   * equal; null for outputs in which there is nothing of the kind.
   */
  readonly top1Agreement: number | null;
  /** Whether it names a class, so that `minTop1Agreement` is asked of it. */
  readonly isClass: boolean;
  /** Numbers that are infinite or none at all where the original has finite ones. */
  readonly nonFinite: number;
  /** Samples for which the shapes differ, which can't be compared. */
  readonly otherShapes: number;
}

/** What became of a model that was to be quantized; plain data, kept beside the artifact. */
export interface QuantizationReport {
  /** What was asked for, and what that came to: another one for `auto`. */
  readonly requested: QuantizationMode;
  readonly mode: QuantizationMode;
  readonly outcome: 'quantized' | 'original';
  /** Why the original is served; '' when it is not. */
  readonly reason: string;
  readonly samples: { readonly kind: CalibrationSource['kind']; readonly count: number };
  /** Of the weights and graph as they lie on disk. */
  readonly bytes: { readonly original: number; readonly quantized: number };
  /** The fastest run, ms; 0 where it did not come to that. */
  readonly runMs: { readonly original: number; readonly quantized: number };
  /** In the order they were taken. */
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
  readonly outputs: readonly OutputError[];
  /** What is not as it should be, and no reason to serve the original. */
  readonly findings: readonly string[];
  /** Operators of the optimised graph, as `domain:OpType` or `OpType`, and how many there are. */
  readonly kernels: Readonly<Record<string, number>>;
  readonly layers: {
    readonly quantized: number;
    readonly kept: number;
    /** Those with the largest error of the weights. */
    readonly worst: readonly LayerReport[];
    /** Why layers were kept, and how many for that. */
    readonly reasons: Readonly<Record<string, number>>;
  };
  /** What `auto` tried and did not take, and why. */
  readonly rejected: readonly { readonly mode: QuantizationMode; readonly reason: string }[];
}
