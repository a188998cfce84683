import type { OnnxNode } from '../onnx/model.js';
import type { LayerReport } from './method.js';
import { nameOf } from './static/selection.js';

/** What is told of a node that stays as it is, with so many bytes of weights. */
export function keptReport(node: OnnxNode, weightBytes: number, reason: string): LayerReport {
  return {
    node: nameOf(node),
    opType: node.opType,
    outcome: 'kept',
    reason,
    weightBytesBefore: weightBytes,
    weightBytesAfter: weightBytes,
    weightError: 0,
  };
}
