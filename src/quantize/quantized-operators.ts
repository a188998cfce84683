import type { OnnxModel } from '../onnx/model.js';
import { graphsWithin } from '../onnx/subgraphs.js';

/** Operators of models that somebody has quantized before. */
const QUANTIZED =
  /^(Q(Linear|Gemm|Attention|MoE|Ordered|EmbedLayer)|(Dynamic)?QuantizeLinear|DequantizeLinear|MatMulInteger|ConvInteger|MatMulNBits|MatMulBnb4|DynamicQuantize|GatherBlockQuantized)/;

/** Throws Error when the model holds quantized operators already. */
export function refuseQuantized(model: OnnxModel): void {
  const counts = new Map<string, number>();
  for (const { nodes } of [...graphsWithin(model.graph), ...model.functions]) {
    for (const { opType } of nodes) {
      if (QUANTIZED.test(opType)) counts.set(opType, (counts.get(opType) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return;
  const found = [...counts].map(([opType, count]) => `${count} ${opType}`).join(', ');
  throw new Error(`the model is quantized already: it has ${found}`);
}
