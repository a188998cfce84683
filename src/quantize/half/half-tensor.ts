import { tensorOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import type { OnnxTensor } from '../../onnx/model.js';
import { floatsOf } from '../../onnx/tensor-values.js';
import { halfTable, toHalves } from './float16.js';

/** Numbers of this magnitude and more stand for infinity, as masks have them. */
const BOUNDLESS = 1e30;
/** What they become: finite, and with room for something that is added. */
export const BOUND = 2 ** 15;

/** What half precision has to hold of a tensor. */
export interface FloatExtent {
  /** Greatest magnitude among the numbers that don't stand for infinity; 0 when there are none. */
  readonly greatest: number;
  /** Whether some numbers stand for infinity. */
  readonly hasBoundless: boolean;
  /** Whether all are numbers, and none is infinite. */
  readonly finite: boolean;
}

export function extentOf(tensor: OnnxTensor): FloatExtent {
  const floats = floatsOf(tensor);
  let greatest = 0;
  let hasBoundless = false;
  // The sum of all differences from themselves is 0, or NaN when one of them is not finite.
  let sound = 0;
  for (let index = 0; index < floats.length; index++) {
    const value = floats[index] as number;
    const magnitude = Math.abs(value);
    sound += value - value;
    if (magnitude >= BOUNDLESS) hasBoundless = true;
    else if (magnitude > greatest) greatest = magnitude;
  }
  return { greatest, hasBoundless, finite: sound === 0 };
}

/** A tensor in half precision, and how far it lies from the floats: sums of squares. */
export interface HalfTensor {
  readonly tensor: OnnxTensor;
  readonly squares: number;
  readonly errorSquares: number;
}

let table: Float32Array | null = null;

/**
 * The FLOAT tensor in half precision, called `name`. What stands for infinity becomes infinity for a `limit`, and
 * otherwise plus or minus 2 ** 15, so that it can be added to; it counts in no sum.
 */
export function halfTensor(tensor: OnnxTensor, name: string, limit: boolean): HalfTensor {
  let floats = floatsOf(tensor);
  if (!limit && extentOf(tensor).hasBoundless) {
    floats = floats.map((value) => (isBoundless(value) ? Math.sign(value) * BOUND : value));
  }
  const halves = toHalves(floats);
  table ??= halfTable();
  let squares = 0;
  let errorSquares = 0;
  for (let index = 0; index < floats.length; index++) {
    const value = floats[index] as number;
    const off = value - (table[halves[index] as number] as number);
    if (off > -BOUND && off < BOUND) {
      squares += value * value;
      errorSquares += off * off;
    }
  }
  return { tensor: tensorOf(name, DataType.float16, tensor.dims, halves), squares, errorSquares };
}

function isBoundless(value: number): boolean {
  const magnitude = Math.abs(value);
  return magnitude >= BOUNDLESS && magnitude < Number.POSITIVE_INFINITY;
}
