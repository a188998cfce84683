/** How a model's numbers are made smaller when it is loaded. */
export type QuantizationMode =
  /** 8-bit activations and weights with ranges from calibration: convolution nets on the CPU. */
  | 'int8'
  /** 8-bit weights, activations quantized as they come: MatMul and Gemm on the CPU, without calibration. */
  | 'int8-dynamic'
  /** 8- or 4-bit weights in blocks, computed in floats: memory, and matrix times vector. */
  | 'int8-weight'
  | 'int4-weight'
  /** 4-bit weights on the levels of a normal distribution, or of a 4-bit float. */
  | 'nf4'
  | 'fp4'
  /** Half precision: GPUs. */
  | 'fp16'
  /** Whatever is fastest on the device among those that pass the accuracy bounds. */
  | 'auto';

/** Where samples of a model's inputs come from. */
export type CalibrationSource =
  | { readonly kind: 'none' }
  /** Pictures or .npy, .npz and raw tensors; a path relative to the model's folder, or absolute. */
  | { readonly kind: 'folder'; readonly path: string }
  /** The first requests that the model answers as it is. */
  | { readonly kind: 'live'; readonly requests: number };

/** How the range of an activation follows from what was seen of it. */
export type CalibrationMethod = 'min-max' | 'percentile' | 'entropy';

/** What a configuration asks for by its `quantization.*` parameters: complete, checked. */
export interface QuantizationSpec {
  readonly mode: QuantizationMode;
  /** Weights that share a scale, for the modes that work in blocks: a power of two from 16. */
  readonly blockSize: number;
  /** Whether blocks of integers are centred at zero. */
  readonly symmetric: boolean;
  /** Names of nodes or of operators; empty = all that the mode can take. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Whether the first and the last layer with weights stay as they are. */
  readonly keepFirst: boolean;
  readonly keepLast: boolean;
  /** fp16: operators that stay in single precision besides those that must. */
  readonly keepOps: readonly string[];
  readonly calibration: CalibrationSource;
  readonly calibrationMethod: CalibrationMethod;
  /** Per cent of the values inside the range, for `percentile`. */
  readonly percentile: number;
  /** Samples used at most, for calibration and for the comparison with the original. */
  readonly samplesMax: number;
  /** Of everything random. */
  readonly seed: number;
  readonly bounds: AccuracyBounds;
  /** What is served when the bounds are missed. */
  readonly onFailure: 'original' | 'fail';
}

/** What a quantized model must hold against the original on samples; each output by itself. */
export interface AccuracyBounds {
  readonly minCosine: number;
  /** Of outputs that name a class; 0 = not looked at. */
  readonly minTop1Agreement: number;
}
