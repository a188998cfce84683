import { type Datatype, type ElementsOf, elementCountOf, type Tensor } from './datatypes.js';
import { toBfloat16, toFloat16 } from './floats.js';

type Shape = readonly number[];
type Numbers = readonly number[];

/**
 * Input tensors, one function for each datatype. Arrays of the datatype's own kind are used as they are and
 * must not change before the request is sent; lists of numbers are converted. RangeError for an integer that the
 * datatype has no room for, and when shape and number of elements differ.
 */
export const tensor = {
  bool: (name: string, shape: Shape, data: Uint8Array | readonly boolean[]): Tensor<'BOOL'> =>
    made(name, 'BOOL', shape, data instanceof Uint8Array ? data : Uint8Array.from(data, Number)),
  uint8: (name: string, shape: Shape, data: Uint8Array | Numbers): Tensor<'UINT8'> =>
    made(name, 'UINT8', shape, data instanceof Uint8Array ? data : exact(name, data, Uint8Array.from(data))),
  uint16: (name: string, shape: Shape, data: Uint16Array | Numbers): Tensor<'UINT16'> =>
    made(
      name,
      'UINT16',
      shape,
      data instanceof Uint16Array ? data : exact(name, data, Uint16Array.from(data)),
    ),
  uint32: (name: string, shape: Shape, data: Uint32Array | Numbers): Tensor<'UINT32'> =>
    made(
      name,
      'UINT32',
      shape,
      data instanceof Uint32Array ? data : exact(name, data, Uint32Array.from(data)),
    ),
  uint64: (
    name: string,
    shape: Shape,
    data: BigUint64Array | readonly (bigint | number)[],
  ): Tensor<'UINT64'> =>
    made(
      name,
      'UINT64',
      shape,
      data instanceof BigUint64Array ? data : bigElements(name, data, BigUint64Array),
    ),
  int8: (name: string, shape: Shape, data: Int8Array | Numbers): Tensor<'INT8'> =>
    made(name, 'INT8', shape, data instanceof Int8Array ? data : exact(name, data, Int8Array.from(data))),
  int16: (name: string, shape: Shape, data: Int16Array | Numbers): Tensor<'INT16'> =>
    made(name, 'INT16', shape, data instanceof Int16Array ? data : exact(name, data, Int16Array.from(data))),
  int32: (name: string, shape: Shape, data: Int32Array | Numbers): Tensor<'INT32'> =>
    made(name, 'INT32', shape, data instanceof Int32Array ? data : exact(name, data, Int32Array.from(data))),
  int64: (name: string, shape: Shape, data: BigInt64Array | readonly (bigint | number)[]): Tensor<'INT64'> =>
    made(name, 'INT64', shape, data instanceof BigInt64Array ? data : bigElements(name, data, BigInt64Array)),
  /** A Uint16Array holds the bits of the halves, everything else their values. */
  fp16: (name: string, shape: Shape, data: Uint16Array | Float32Array | Numbers): Tensor<'FP16'> =>
    made(name, 'FP16', shape, data instanceof Uint16Array ? data : toFloat16(data)),
  /** A Uint16Array holds the bits, everything else the values. */
  bf16: (name: string, shape: Shape, data: Uint16Array | Float32Array | Numbers): Tensor<'BF16'> =>
    made(name, 'BF16', shape, data instanceof Uint16Array ? data : toBfloat16(data)),
  fp32: (name: string, shape: Shape, data: Float32Array | Numbers): Tensor<'FP32'> =>
    made(name, 'FP32', shape, data instanceof Float32Array ? data : Float32Array.from(data)),
  fp64: (name: string, shape: Shape, data: Float64Array | Numbers): Tensor<'FP64'> =>
    made(name, 'FP64', shape, data instanceof Float64Array ? data : Float64Array.from(data)),
  /** Texts become UTF-8. Encoded pictures are elements, too. */
  bytes: (name: string, shape: Shape, data: readonly (string | Uint8Array)[]): Tensor<'BYTES'> =>
    made(
      name,
      'BYTES',
      shape,
      data.map((element) => (typeof element === 'string' ? Buffer.from(element) : element)),
    ),
} as const;

function made<D extends Datatype>(name: string, datatype: D, shape: Shape, data: ElementsOf[D]): Tensor<D> {
  const count = elementCountOf(shape);
  if (data.length !== count) {
    throw new RangeError(`tensor '${name}' of shape [${shape}] has ${count} elements, got ${data.length}`);
  }
  return { name, datatype, shape, data } as Tensor<D>;
}

/** `converted`, when nothing was cut off. */
function exact<T extends ArrayLike<number>>(name: string, data: Numbers, converted: T): T {
  const lost = data.findIndex((value, index) => converted[index] !== value);
  if (lost >= 0)
    throw new RangeError(`element ${lost} of tensor '${name}' is ${data[lost]}, which does not fit`);
  return converted;
}

function bigElements<T extends BigInt64Array | BigUint64Array>(
  name: string,
  data: readonly (bigint | number)[],
  Elements: { from(values: bigint[]): T },
): T {
  // Throws a RangeError for a number with a fraction.
  const values = data.map(BigInt);
  const elements = Elements.from(values);
  const lost = values.findIndex((value, index) => elements[index] !== value);
  if (lost >= 0)
    throw new RangeError(`element ${lost} of tensor '${name}' is ${data[lost]}, which does not fit`);
  return elements;
}
