import { nodeOf } from '../../onnx/build.js';
import { floatsOf } from '../../onnx/tensor-values.js';
import type { PartsWriter } from './parts-writer.js';
import type { GemmBias } from './weight-layer.js';

/** Adds the bias of a Gemm to its product, as a node of its own. */
export function addGemmBias(
  product: string,
  { name, tensor, factor }: GemmBias,
  output: string,
  writer: PartsWriter,
): void {
  let bias = name;
  if (tensor !== null) {
    const floats = floatsOf(tensor).map((value) => value * factor);
    bias = writer.floats(`${name}_scaled`, tensor.dataType, tensor.dims, floats);
  }
  writer.add(nodeOf('Add', [product, bias], [output], { name: writer.name(`${output}_bias`) }));
}
