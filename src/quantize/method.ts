import type { QuantizationSpec } from '../model-config/quantization.js';
import type { OnnxModel } from '../onnx/model.js';

/** Least and greatest value that a tensor takes. */
export interface Range {
  readonly min: number;
  readonly max: number;
  /** Mean of each channel, which dimension 1 counts; left out where nobody looked, or where there is none. */
  readonly channelMeans?: Float32Array;
}

/** What a method may go by besides the model. */
export interface MethodContext {
  readonly spec: QuantizationSpec;
  /** Of activations by the name of the value; empty for methods that need no calibration. */
  readonly ranges: ReadonlyMap<string, Range>;
  /** Element type and shape of values inside the graph as ONNX Runtime sees them; -1 = unknown. */
  readonly facts: ReadonlyMap<string, { readonly elemType: number; readonly shape: readonly number[] }>;
}

/** What became of one node that holds weights, or could have been quantized. */
export interface LayerReport {
  /** Of the node in the original; its first output where it has no name. */
  readonly node: string;
  readonly opType: string;
  readonly outcome: 'quantized' | 'kept';
  /** Why it was kept; '' for quantized ones. */
  readonly reason: string;
  readonly weightBytesBefore: number;
  readonly weightBytesAfter: number;
  /** Of the dequantized weight against the original: root mean square relative to that of the weight. */
  readonly weightError: number;
}

export interface Rewritten {
  readonly model: OnnxModel;
  readonly layers: readonly LayerReport[];
  /** Operators, as `domain:OpType` or `OpType`, that must appear in the graph as ONNX Runtime optimises it. */
  readonly expectedKernels: ReadonlyMap<string, number>;
}

/**
 * Rewrites a model: pure, the same result for the same input. Throws an Error for people when nothing of
 * the model can be quantized this way, or when its weights hold NaN or infinities.
 */
export type QuantizeMethod = (model: OnnxModel, context: MethodContext) => Rewritten;
