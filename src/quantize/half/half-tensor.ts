import { tensorOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import type { OnnxTensor } from '../../onnx/model.js';
import { floatsOf } from '../../onnx/tensor-values.js';
import { fromHalf, toHalves } from './float16.js';

/** Numbers of this magnitude and more stand for infinity, as masks have them. */
const BOUNDLESS = 1e30;
/** What they become: finite, and with room for something that is added. */
export const BOUND = 2 ** 15;

/** Greatest magnitude among the finite numbers of a tensor that don't stand for infinity; 0 when there are none. */
export function greatestMagnitude(tensor: OnnxTensor): number {
  let greatest = 0;
  for (const value of floatsOf(tensor)) {
    const magnitude = Math.abs(value);
    if (magnitude > greatest && magnitude < BOUNDLESS) greatest = magnitude;
  }
  return greatest;
}

/**
 * The FLOAT tensor in half precision, called `name`. What stands for infinity becomes infinity for a `limit`, and
 * otherwise plus or minus 2 ** 15, so that it can be added to.
 */
export function halfTensor(tensor: OnnxTensor, name: string, limit: boolean): OnnxTensor {
  const floats = floatsOf(tensor);
  const bounded =
    !limit && floats.some(isBoundless)
      ? floats.map((value) => (isBoundless(value) ? Math.sign(value) * BOUND : value))
      : floats;
  return tensorOf(name, DataType.float16, tensor.dims, toHalves(bounded));
}

function isBoundless(value: number): boolean {
  const magnitude = Math.abs(value);
  return magnitude >= BOUNDLESS && magnitude < Number.POSITIVE_INFINITY;
}

/** Sums of squares of a tensor and of what `half` is off by, where both are finite. */
export function halfError(tensor: OnnxTensor, half: OnnxTensor): { squares: number; errorSquares: number } {
  const floats = floatsOf(tensor);
  const { data } = half;
  const halves = new Uint16Array(data.buffer, data.byteOffset, floats.length);
  let squares = 0;
  let errorSquares = 0;
  for (let index = 0; index < floats.length; index++) {
    const value = floats[index] as number;
    const off = value - fromHalf(halves[index] as number);
    if (Math.abs(off) < BOUND) {
      squares += value * value;
      errorSquares += off * off;
    }
  }
  return { squares, errorSquares };
}
