import { type AttributeValue, attributesOf } from './attributes.js';
import { DataType } from './data-type.js';
import {
  NO_BYTES,
  type OnnxDim,
  type OnnxInt,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValueInfo,
} from './model.js';
import { checkTensor } from './tensor.js';

export interface NodeParts {
  /** Default: the first output, which is as unique as a node's name must be. */
  readonly name?: string;
  /** Default: ONNX's own. */
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** A new node. */
export function nodeOf(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  { name = outputs[0] ?? '', domain = '', attributes = {} }: NodeParts = {},
): OnnxNode {
  return { name, opType, domain, inputs, outputs, attributes: attributesOf(attributes), rest: NO_BYTES };
}

/**
 * A new tensor over `data`, whose elements are little-endian as on all machines that we run on; it is not
 * copied. Throws OnnxError when `dims` need another number of bytes.
 */
export function tensorOf(
  name: string,
  dataType: number,
  dims: readonly number[],
  data: ArrayBufferView,
): OnnxTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensor = { name, dataType, dims, data: bytes, strings: [], rest: NO_BYTES };
  checkTensor(tensor, bytes);
  return tensor;
}

/** A FLOAT tensor of one dimension. */
export function floatsTensor(name: string, values: readonly number[]): OnnxTensor {
  return tensorOf(name, DataType.float, [values.length], Float32Array.from(values));
}

/** A FLOAT scalar. */
export function floatScalar(name: string, value: number): OnnxTensor {
  return tensorOf(name, DataType.float, [], Float32Array.of(value));
}

/** An INT64 tensor of one dimension, as axes, shapes and pads are. */
export function intsTensor(name: string, values: readonly OnnxInt[]): OnnxTensor {
  return tensorOf(name, DataType.int64, [values.length], BigInt64Array.from(values, BigInt));
}

/** What is known of a dense tensor. */
export function valueInfoOf(name: string, elemType: number, shape: readonly OnnxDim[] | null): OnnxValueInfo {
  return { name, elemType, shape, otherType: null, typeNotes: null, rest: NO_BYTES };
}
