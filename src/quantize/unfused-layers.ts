import type { OnnxModel } from '../onnx/model.js';
import { graphsWithin } from '../onnx/subgraphs.js';
import type { LayerReport } from './method.js';

/** Kernels that compute with quantized weights. */
const QUANTIZED_KERNEL =
  /^(QLinear(Conv|MatMul)|QGemm|MatMulIntegerToFloat|DynamicQuantizeMatMul|MatMulInteger|MatMulNBits|MatMulBnb4)/;

/** What ONNX Runtime appends to the name of a node that it writes anew. */
const REWRITTEN = /(_token_\d+|_nhwc)+$/;

/**
 * Names of the layers said to be quantized for which ONNX Runtime made no kernel that computes with quantized
 * weights. Those are found by the name of the layer's node, which `layers` give.
 */
export function unfusedLayers(optimised: OnnxModel, layers: readonly LayerReport[]): readonly string[] {
  const fused = new Set<string>();
  for (const { nodes } of graphsWithin(optimised.graph)) {
    for (const { opType, name } of nodes) {
      if (!QUANTIZED_KERNEL.test(opType)) continue;
      fused.add(name).add(name.replace(REWRITTEN, ''));
    }
  }
  return layers
    .filter(({ outcome, node }) => outcome === 'quantized' && !fused.has(node))
    .map(({ node }) => node);
}
