import type { GraphBuilder, Value } from '../../onnx/graph-builder.ts';
import type { NodeAttributes } from '../node-attributes.ts';
import type { FloatTensor, Tensor } from '../weights.ts';

/** What the conversion of one node sees of it. */
export interface OperatorNode {
  readonly graph: GraphBuilder;
  readonly attributes: NodeAttributes;
  readonly inputCount: number;
  /** The converted input. */
  input(index: number): Value;
  /** The input as a constant; throws when it is computed at run time. */
  constant(index: number): Tensor;
}

/** Adds the ONNX nodes for one TensorFlow node and gives its outputs. */
export type Operator = (node: OperatorNode) => readonly Value[];
export type Operators = Readonly<Record<string, Operator>>;

export function constantInts(node: OperatorNode, index: number): number[] {
  return Array.from(node.constant(index).data);
}

export function constantFloats(node: OperatorNode, index: number): FloatTensor {
  const { shape, data } = node.constant(index);
  if (!(data instanceof Float32Array)) throw new Error('a float32 constant was expected');
  return { shape, data };
}

/** TensorFlow's convolutions and pools work on [batch, row, column, channel], ONNX's on [batch, channel, row, column]. */
export function toChannelsFirst(graph: GraphBuilder, value: Value): Value {
  return graph.transpose(value, [0, 3, 1, 2]);
}

export function toChannelsLast(graph: GraphBuilder, value: Value): Value {
  return graph.transpose(value, [0, 2, 3, 1]);
}

/** TensorFlow's SAME puts the odd pixel at the end, which is what ONNX calls SAME_UPPER. */
export function autoPad(node: OperatorNode): string {
  const padding = node.attributes.text('padding');
  if (padding === 'SAME') return 'SAME_UPPER';
  if (padding === 'VALID') return 'VALID';
  throw new Error(`no conversion for the padding '${padding}'`);
}
