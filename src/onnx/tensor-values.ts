import { DataType } from './data-type.js';
import type { OnnxTensor } from './model.js';
import { OnnxError } from './onnx-error.js';
import { tensorText } from './tensor.js';

/**
 * The elements of a FLOAT, FLOAT16, BFLOAT16 or DOUBLE tensor as 32-bit floats; of a FLOAT tensor whose bytes
 * are aligned, as a view. Throws OnnxError for other element types.
 */
export function floatsOf(tensor: OnnxTensor): Float32Array {
  const { data, dataType } = tensor;
  switch (dataType) {
    case DataType.float: {
      const bytes = aligned(data, 4);
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    }
    case DataType.double: {
      const bytes = aligned(data, 8);
      return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8));
    }
    case DataType.float16:
      return widened(data, halfBits);
    case DataType.bfloat16:
      return widened(data, (half) => half << 16);
    default:
      throw new OnnxError(`${tensorText(tensor)} has no floating-point elements`);
  }
}

/**
 * The elements of an integer or BOOL tensor as numbers, for shapes, axes and zero points. Throws OnnxError for
 * other element types and for integers that no number can hold.
 */
export function intsOf(tensor: OnnxTensor): readonly number[] {
  const { data, dataType } = tensor;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const each = (width: number, read: (offset: number) => number): number[] =>
    Array.from({ length: data.length / width }, (_, index) => read(index * width));
  const safe = (value: bigint): number => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new OnnxError(`${tensorText(tensor)} has the element ${value}`);
    return number;
  };
  switch (dataType) {
    case DataType.bool:
    case DataType.uint8:
      return [...data];
    case DataType.int8:
      return each(1, (offset) => view.getInt8(offset));
    case DataType.uint16:
      return each(2, (offset) => view.getUint16(offset, true));
    case DataType.int16:
      return each(2, (offset) => view.getInt16(offset, true));
    case DataType.uint32:
      return each(4, (offset) => view.getUint32(offset, true));
    case DataType.int32:
      return each(4, (offset) => view.getInt32(offset, true));
    case DataType.uint64:
      return each(8, (offset) => safe(view.getBigUint64(offset, true)));
    case DataType.int64:
      return each(8, (offset) => safe(view.getBigInt64(offset, true)));
    default:
      throw new OnnxError(`${tensorText(tensor)} has no integers`);
  }
}

/** The bytes themselves where a typed array can be laid over them, or else a copy. */
function aligned(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
}

/** 16-bit elements by the bits of the 32-bit floats that they mean. */
function widened(data: Uint8Array, bitsOfFloat: (half: number) => number): Float32Array {
  const bytes = aligned(data, 2);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let index = 0; index < halves.length; index++) bits[index] = bitsOfFloat(halves[index] as number);
  return floats;
}

function halfBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: its highest bit becomes the hidden one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
