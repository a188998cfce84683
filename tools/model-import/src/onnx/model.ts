/** The parts of an ONNX model that the converters make. Names follow onnx.proto. */

export type ElementType = 'float32' | 'float16' | 'uint8' | 'int32' | 'int64';

/** Numbers of `TensorProto.DataType`. */
export const ELEMENT_TYPE_CODE: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  float16: 10,
};

/** A `Uint16Array` holds the bits of float16 numbers. */
export type TensorData = Float32Array | Uint16Array | Uint8Array | Int32Array | BigInt64Array;

/** A string is a dimension known only at run time, such as the batch size. */
export type Dimension = number | string;

/** A plain number is an INT attribute, so a float has to say that it is one. */
export type Attribute = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Initializer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly Dimension[];
}

export interface Node {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export interface Model {
  readonly name: string;
  readonly description: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export function elementTypeOf(data: TensorData): ElementType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Uint16Array) return 'float16';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int32Array) return 'int32';
  return 'int64';
}
