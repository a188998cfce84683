import type { OnnxTensor } from '../../onnx/model.js';
import { quantizeWeights, rowLayout } from '../static/weights.js';
import { type ColumnsLayout, columnsOf, readPanels, WeightError } from '../weights/columns.js';

/** A matrix of 8-bit integers, those of a column sharing a scale: weight = scale * number. */
export interface ColumnNumbers {
  /** [depth, columns] */
  readonly numbers: Int8Array;
  readonly scales: Float32Array;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/**
 * Weights as integers with a scale for each column, fine enough for processors that add products of neighbours
 * in 16 bits. Throws an Error for people when a weight is not finite.
 */
export function quantizeColumns(weight: OnnxTensor, layout: ColumnsLayout): ColumnNumbers {
  const columns = columnsOf(weight, layout);
  const { depth, count } = layout;
  const numbers = new Int8Array(depth * count);
  const scales = new Float32Array(count);
  const error = new WeightError();
  readPanels(columns, (panel, first, panelColumns) => {
    const weights = panel.subarray(0, panelColumns * depth);
    const quantized = quantizeWeights(weights, rowLayout([panelColumns, depth]), null);
    scales.set(quantized.scales, first);
    let squares = 0;
    for (let index = 0; index < weights.length; index++) squares += (weights[index] as number) ** 2;
    error.add(squares, squares * quantized.error ** 2);
    let from = 0;
    for (let column = first; column < first + panelColumns; column++) {
      for (let to = column; to < numbers.length; to += count)
        numbers[to] = quantized.numbers[from++] as number;
    }
  });
  return { numbers, scales, error: error.relative };
}
