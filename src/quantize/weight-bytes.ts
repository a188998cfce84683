import { bytesOf } from '../onnx/data-type.js';
import type { OnnxModel } from '../onnx/model.js';
import { graphsWithin } from '../onnx/subgraphs.js';
import { elementsOf } from '../onnx/tensor.js';

/** Of all initializers, wherever they lie; none of them is read. */
export function weightBytes({ graph }: OnnxModel): number {
  let bytes = 0;
  for (const { initializers } of graphsWithin(graph)) {
    for (const { dataType, dims } of initializers) bytes += bytesOf(dataType, elementsOf(dims)) ?? 0;
  }
  return bytes;
}
