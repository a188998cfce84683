/** What holds the elements of each datatype, row-major. */
export interface ElementsOf {
  /** 0 or 1 */
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  /** The bits of each half; see `toFloat16` and `fromFloat16`. */
  FP16: Uint16Array;
  /** The upper half of each float32; see `toBfloat16` and `fromBfloat16`. */
  BF16: Uint16Array;
  FP32: Float32Array;
  FP64: Float64Array;
  BYTES: readonly Uint8Array[];
}

export type Datatype = keyof ElementsOf;
/** All but BYTES, whose elements have no fixed size. */
export type FixedDatatype = Exclude<Datatype, 'BYTES'>;

/** A tensor, a union over `datatype`: comparing that tells the type of `data`. */
export type Tensor<D extends Datatype = Datatype> = {
  [K in D]: {
    readonly name: string;
    readonly datatype: K;
    /** Complete, with the batch dimension where the model has one. */
    readonly shape: readonly number[];
    readonly data: ElementsOf[K];
  };
}[D];

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** Constructors of the arrays, each for views into a buffer. */
export const ARRAY_TYPES: { readonly [D in FixedDatatype]: ArrayType<ElementsOf[D]> } = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  BF16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

export function isFixedDatatype(name: string): name is FixedDatatype {
  return Object.hasOwn(ARRAY_TYPES, name);
}

/** Number of elements; 1 for no dimensions. */
export function elementCountOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
