import type { Datatype } from '../../tensor/datatype.js';

/** A typed array of ORT's binding; FP16 travels as the bits of its numbers. */
export type OrtArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

interface NumericType {
  /** ORT's name of the element type. */
  readonly native: string;
  /** The array that the binding accepts for it. */
  readonly array: {
    readonly BYTES_PER_ELEMENT: number;
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): OrtArray;
  };
}

const NUMERIC_TYPES: ReadonlyMap<Datatype, NumericType> = new Map<Datatype, NumericType>([
  ['BOOL', { native: 'bool', array: Uint8Array }],
  ['UINT8', { native: 'uint8', array: Uint8Array }],
  ['UINT16', { native: 'uint16', array: Uint16Array }],
  ['UINT32', { native: 'uint32', array: Uint32Array }],
  ['UINT64', { native: 'uint64', array: BigUint64Array }],
  ['INT8', { native: 'int8', array: Int8Array }],
  ['INT16', { native: 'int16', array: Int16Array }],
  ['INT32', { native: 'int32', array: Int32Array }],
  ['INT64', { native: 'int64', array: BigInt64Array }],
  ['FP16', { native: 'float16', array: Uint16Array }],
  ['FP32', { native: 'float32', array: Float32Array }],
  ['FP64', { native: 'float64', array: Float64Array }],
]);

const DATATYPES_BY_NATIVE: ReadonlyMap<string, Datatype> = new Map([
  ...[...NUMERIC_TYPES].map(([datatype, { native }]) => [native, datatype] as const),
  ['string', 'BYTES'] as const,
]);

/** Undefined for BYTES and for what the binding can't carry (BF16). */
export function numericType(datatype: Datatype): NumericType | undefined {
  return NUMERIC_TYPES.get(datatype);
}

/** Datatype of ORT's `float32` and so on, null where the v2 protocol has none (4-bit integers). */
export function datatypeOf(native: string): Datatype | null {
  return DATATYPES_BY_NATIVE.get(native) ?? null;
}
