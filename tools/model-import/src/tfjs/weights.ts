import { aligned } from '../bytes.ts';
import { halfToNumber } from '../onnx/half.ts';

/** A tensor as TensorFlow.js holds it in memory. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** One entry of a TensorFlow.js weights manifest. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: WeightQuantization;
}

type WeightQuantization =
  | { readonly dtype: 'uint8' | 'uint16'; readonly scale: number; readonly min: number }
  | { readonly dtype: 'float16' };

export type WeightsManifest = readonly { readonly weights: readonly WeightSpec[] }[];

/** Splits the weight file into its tensors, which lie in it one after the other. Throws when the sizes do not add up. */
export function readWeights(manifest: WeightsManifest, bytes: Uint8Array): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  let offset = 0;
  for (const spec of manifest.flatMap((group) => group.weights)) {
    const end = offset + elementCount(spec.shape) * bytesPerElement(spec);
    tensors.set(spec.name, { shape: spec.shape, data: decode(spec, aligned(bytes.subarray(offset, end))) });
    offset = end;
  }
  if (offset !== bytes.length) {
    throw new Error(
      `the weights manifest describes ${offset} bytes, but the weight file has ${bytes.length}`,
    );
  }
  return tensors;
}

/** Like `Map.get`, for a tensor that must be a float32 tensor and must be there. */
export function floatTensor(tensors: ReadonlyMap<string, Tensor>, name: string): FloatTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no weights named '${name}'`);
  const { shape, data } = tensor;
  if (!(data instanceof Float32Array)) throw new Error(`the weights '${name}' are not float32`);
  return { shape, data };
}

export interface FloatTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function bytesPerElement(spec: WeightSpec): number {
  switch (spec.quantization?.dtype ?? spec.dtype) {
    case 'uint8':
      return 1;
    case 'uint16':
    case 'float16':
      return 2;
    case 'float32':
    case 'int32':
      return 4;
    default:
      throw new Error(`the weights '${spec.name}' have the unsupported type '${spec.dtype}'`);
  }
}

function decode(spec: WeightSpec, buffer: ArrayBuffer): Float32Array | Int32Array {
  const { quantization } = spec;
  if (quantization === undefined) {
    return spec.dtype === 'int32' ? new Int32Array(buffer) : new Float32Array(buffer);
  }
  switch (quantization.dtype) {
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case 'uint8':
    case 'uint16': {
      // Computed in doubles and rounded once, exactly as TensorFlow.js does it.
      const codes = quantization.dtype === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer);
      return Float32Array.from(codes, (code) => code * quantization.scale + quantization.min);
    }
    default:
      return quantization satisfies never;
  }
}
