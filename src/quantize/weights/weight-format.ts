import type { WeightColumns } from './columns.js';
import type { PartsWriter } from './parts-writer.js';
import { tensorBytes, type WeightLayer } from './weight-layer.js';

/** Weights of a layer, written as tensors of the graph. */
export interface WrittenWeights {
  /** Names of the tensors, in the order in which the kernel takes them. */
  readonly names: readonly string[];
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/** One way to store weights in few bits, and to compute with them in floats. */
export interface WeightFormat {
  /** Why it can't take the layer; null when it can. */
  readonly refuse: (layer: WeightLayer) => string | null;
  /** Of the weights and what belongs to them. */
  readonly bytesOf: (layer: WeightLayer) => number;
  /** The opset of ONNX that its nodes for the layer need. */
  readonly opsetOf: (layer: WeightLayer) => number;
  /** The operator that reads the weights, as `domain:OpType` or `OpType`. */
  readonly kernelOf: (layer: WeightLayer) => string;
  readonly writeWeights: (layer: WeightLayer, columns: WeightColumns, writer: PartsWriter) => WrittenWeights;
  /**
   * Adds the nodes that read the weights, the main one called `name`. For a filter `output` becomes the weights
   * in floats, of the dimensions that the node takes; for the others what the node made, without a bias.
   */
  readonly writeNodes: (
    layer: WeightLayer,
    weights: WrittenWeights,
    output: string,
    name: string,
    writer: PartsWriter,
  ) => void;
}

/** Where ONNX Runtime keeps its own operators, and their only version. */
export const CONTRIB_DOMAIN = 'com.microsoft';
export const CONTRIB_VERSION = 1;

const BLOCK_SIZE_MIN = 16;
/** Beyond it MatMulBnb4 refuses, and MatMulNBits computes nonsense. */
const BLOCK_SIZE_MAX = 256;

/** ONNX Runtime counts the elements of a matrix in 32 bits. */
const ELEMENTS_MAX = 2 ** 31 - 1;

/** Throws an Error for people unless ONNX Runtime's kernels take blocks of this size. */
export function checkBlockSize(blockSize: number): void {
  const isPower = Number.isInteger(Math.log2(blockSize));
  if (isPower && blockSize >= BLOCK_SIZE_MIN && blockSize <= BLOCK_SIZE_MAX) return;
  throw new Error(
    `blocks of ${blockSize} weights are not possible: kernels take powers of two from ${BLOCK_SIZE_MIN} to ${BLOCK_SIZE_MAX}`,
  );
}

/** What speaks against any format: more weights than can be counted, or nothing saved. */
export function refuseSize({ weight, layout }: WeightLayer, bytesAfter: number): string | null {
  if (layout.depth * layout.count > ELEMENTS_MAX) return 'it has more weights than the kernel can count';
  const bytes = tensorBytes(weight);
  return bytesAfter < bytes ? null : `its weights would take ${bytesAfter} bytes in place of ${bytes}`;
}
