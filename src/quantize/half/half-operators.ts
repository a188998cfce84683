import { attributeOf } from '../../onnx/attributes.js';
import type { OnnxNode } from '../../onnx/model.js';

/**
 * Operators of ONNX that compute in half precision, with the first opset in which they do: those that ONNX
 * allows it for and that ONNX Runtime has a kernel for on GPUs (its docs/OperatorKernels.md). On the CPU it
 * computes in floats between conversions.
 */
const SINCE: Readonly<Record<string, number>> = {
  ...since(
    1,
    'Abs Add ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Compress Concat ConstantOfShape Conv ConvTranspose Cos',
    'DepthToSpace Div Dropout Einsum Elu Erf Exp Expand Flatten Floor GRU Gather GatherElements Gelu Gemm',
    'GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual HardSigmoid Identity InstanceNormalization IsNaN LRN',
    'LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul MaxPool Mul Neg NonZero OneHot PRelu',
    'RMSNormalization RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal ReduceL1',
    'ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare',
    'Relu Reshape Resize ReverseSequence RotaryEmbedding Round Scatter ScatterElements ScatterND Selu Shrink',
    'Sigmoid Sign SimplifiedLayerNormalization Sin Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze',
    'Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Upsample Where Attention CastLike',
  ),
  ...since(8, 'Max Min'),
  ...since(11, 'Equal Pad'),
  ...since(12, 'Clip GatherND Pow'),
  ...since(13, 'Mod'),
  ...since(14, 'CumSum HardSwish'),
  ...since(19, 'DequantizeLinear'),
  ...since(20, 'IsInf'),
};

/** The same of ONNX Runtime's own operators. */
const CONTRIB = new Set(
  [
    'Attention BiasGelu BiasSoftmax EmbedLayerNormalization FastGelu FusedMatMul GatherBlockQuantized Gelu',
    'MatMulBnb4 MatMulNBits MultiHeadAttention QuickGelu RotaryEmbedding SkipLayerNormalization',
    'SkipSimplifiedLayerNormalization Trilu',
  ].flatMap(words),
);

/** Operators whose results easily leave the range, or need more digits. */
const DELICATE: Readonly<Record<string, string>> = {
  CumSum: 'sums of many numbers need more digits',
  Pow: 'powers leave the range of half precision',
  ReduceL2: 'squares leave the range of half precision',
  ReduceLogSumExp: 'powers leave the range of half precision',
  ReduceProd: 'products leave the range of half precision',
  ReduceSumSquare: 'squares leave the range of half precision',
};

/** Operators that ask for the place on a circle, which large numbers of half precision don't tell. */
const PERIODIC = new Set(['Sin', 'Cos']);

/** What makes much of a small difference, behind numbers that were kept for being out of range. */
const SENSITIVE = new Set('ReduceMean ReduceSum Sqrt Reciprocal Div Log Pow'.split(' '));

/** Operators that only move numbers: they take either precision. */
const MOVING = new Set(
  [
    'Concat DepthToSpace Expand Flatten Gather GatherElements GatherND Identity Reshape ReverseSequence Slice',
    'SpaceToDepth Split Squeeze Tile Transpose Trilu Unsqueeze',
  ].flatMap(words),
);

/** Operators that limit numbers: a limit that is out of range limits nothing, as infinity does. */
const LIMITING = new Set(['Clip', 'Max', 'Min']);

/** Operators whose constant matrices are weights that somebody has trained. */
const LAYERS = new Set('MatMul Gemm Conv ConvTranspose LSTM GRU RNN Gather Einsum'.split(' '));

/** Inputs that ONNX wants as FLOAT whatever the others are. */
const FLOAT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Resize: [1, 2],
  Upsample: [1],
};

/** Outputs that stay FLOAT. */
const FLOAT_OUTPUTS: Readonly<Record<string, readonly number[]>> = {
  LayerNormalization: [1, 2],
  SimplifiedLayerNormalization: [1],
  SkipLayerNormalization: [1, 2],
  SkipSimplifiedLayerNormalization: [1, 2],
};

function words(text: string): string[] {
  return text.split(' ');
}

function since(opset: number, ...names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(names.flatMap(words).map((name) => [name, opset]));
}

/** The first opset in which the node computes in half precision; null when it never does. */
export function halfSince({ domain, opType }: OnnxNode): number | null {
  if (domain === 'com.microsoft') return CONTRIB.has(opType) ? 1 : null;
  return domain === '' && Object.hasOwn(SINCE, opType) ? (SINCE[opType] ?? null) : null;
}

/** Why the node had better compute in floats; null when it need not. */
export function delicacyOf({ domain, opType }: OnnxNode): string | null {
  if (domain !== '') return null;
  return Object.hasOwn(DELICATE, opType) ? (DELICATE[opType] ?? null) : null;
}

export function isPeriodic({ domain, opType }: OnnxNode): boolean {
  return domain === '' && PERIODIC.has(opType);
}

/** Whether it magnifies what half precision takes from its inputs. */
export function isSensitive({ domain, opType }: OnnxNode): boolean {
  return domain === '' && SENSITIVE.has(opType);
}

export function isMoving({ domain, opType }: OnnxNode): boolean {
  return domain === '' && MOVING.has(opType);
}

export function isLimiting({ domain, opType }: OnnxNode): boolean {
  return domain === '' && LIMITING.has(opType);
}

export function isLayer({ domain, opType }: OnnxNode): boolean {
  return domain === '' && LAYERS.has(opType);
}

/** Whether the node asks only for the shape of its input, which is the same in either precision. */
export function isMeasuring({ domain, opType }: OnnxNode): boolean {
  return domain === '' && (opType === 'Shape' || opType === 'Size');
}

/** Whether this input is FLOAT although the node computes in half precision. */
export function isFloatInput({ opType }: OnnxNode, input: number): boolean {
  return Object.hasOwn(FLOAT_INPUTS, opType) && FLOAT_INPUTS[opType]?.includes(input) === true;
}

/** Whether an output is used that is FLOAT although the node computes in half precision. */
export function givesFloats({ opType, outputs }: OnnxNode): boolean {
  if (!Object.hasOwn(FLOAT_OUTPUTS, opType)) return false;
  return FLOAT_OUTPUTS[opType]?.some((output) => (outputs[output] ?? '') !== '') === true;
}

/** The attribute of a node that names the type of its output; null when it has none. */
export function typeAttribute(node: OnnxNode): 'to' | 'dtype' | null {
  if (node.opType === 'Cast') return 'to';
  if (/^Random(Normal|Uniform)$/.test(node.opType)) return 'dtype';
  return /^Random/.test(node.opType) && attributeOf(node, 'dtype') !== null ? 'dtype' : null;
}
