import type { OnnxTensor } from '../../onnx/model.js';
import { type ColumnsLayout, columnsOf, readPanels, WeightError } from '../weights/columns.js';

/** A matrix of 8-bit integers, those of a column sharing a scale: weight = scale * number. */
export interface ColumnNumbers {
  /** [depth, columns] */
  readonly numbers: Int8Array;
  readonly scales: Float32Array;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/** Greatest magnitude of a number; -128 is left out so that both signs reach equally far. */
const MAGNITUDE_MAX = 127;

/**
 * Processors without VNNI multiply rows 0 and 1, 2 and 3, ... with inputs of 0..255 and add each two products in
 * 16 bits, cutting off what is beyond 32767. Weights that come to this many scales come to 128 at most when both
 * are rounded, and 255 * 128 = 32640.
 */
const PAIR_MAX = 127;

/** The least float of full precision. */
const SCALE_MIN = 2 ** -126;

/**
 * Weights as integers with a scale for each column: the finest that its greatest weight allows, and that gives the
 * same products on all processors. Throws an Error for people when a weight is not finite.
 */
export function quantizeColumns(weight: OnnxTensor, layout: ColumnsLayout): ColumnNumbers {
  const { depth, count } = layout;
  const numbers = new Int8Array(depth * count);
  const scales = new Float32Array(count);
  const error = new WeightError();
  readPanels(columnsOf(weight, layout), (panel, first, columns) => {
    for (let column = 0; column < columns; column++) {
      const start = column * depth;
      scales[first + column] = Math.max(finestScale(panel, start, start + depth), SCALE_MIN);
      // As the float that it is stored as.
      const scale = scales[first + column] as number;
      const inverse = 1 / scale;
      let squares = 0;
      let errorSquares = 0;
      let to = first + column;
      for (let index = start; index < start + depth; index++, to += count) {
        const value = panel[index] as number;
        // Rounded by the addition of a half: Math.round takes far longer.
        let number = Math.floor(value * inverse + 0.5);
        if (number > MAGNITUDE_MAX) number = MAGNITUDE_MAX;
        else if (number < -MAGNITUDE_MAX) number = -MAGNITUDE_MAX;
        numbers[to] = number;
        const off = value - number * scale;
        squares += value * value;
        errorSquares += off * off;
      }
      error.add(squares, errorSquares);
    }
  });
  return { numbers, scales, error: error.relative };
}

function finestScale(weights: Float32Array, start: number, end: number): number {
  let peak = 0;
  let pairPeak = 0;
  let before = 0;
  for (let index = start; index < end; index++) {
    const weight = weights[index] as number;
    const magnitude = Math.abs(weight);
    if (magnitude > peak) peak = magnitude;
    if ((index - start) % 2 === 1) {
      const pair = Math.abs(weight + before);
      if (pair > pairPeak) pairPeak = pair;
    }
    before = weight;
  }
  return Math.max(peak / MAGNITUDE_MAX, pairPeak / PAIR_MAX);
}
