/** Element types by the numbers that ONNX gives them (`TensorProto.DataType`). */
export const DataType = {
  undefined: 0,
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
  uint2: 25,
  int2: 26,
  float6e2m3: 27,
  float6e3m2: 28,
} as const;

const BITS: Readonly<Record<keyof typeof DataType, number>> = {
  undefined: 0,
  float: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  string: 0,
  bool: 8,
  float16: 16,
  double: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
  float8e8m0: 8,
  uint2: 2,
  int2: 2,
  float6e2m3: 6,
  float6e3m2: 6,
};

const NAMES = new Map<number, keyof typeof DataType>(
  Object.entries(DataType).map(([name, code]) => [code, name as keyof typeof DataType]),
);

/** The name of an element type in {@link DataType}, `type 99` for a number that is not among them. */
export function dataTypeName(dataType: number): string {
  return NAMES.get(dataType) ?? `type ${dataType}`;
}

/** Bits of one element; 0 for strings and undefined, null for a number that {@link DataType} does not know. */
export function bitsOf(dataType: number): number | null {
  const name = NAMES.get(dataType);
  return name === undefined ? null : BITS[name];
}

/** Bytes of `elements` elements laid end to end, sub-byte elements packed; null where `bitsOf` is. */
export function bytesOf(dataType: number, elements: number): number | null {
  const bits = bitsOf(dataType);
  return bits === null ? null : Math.ceil((elements * bits) / 8);
}
