import type { GraphBuilder, Value } from '../../onnx/graph-builder.ts';
import { convolutionFilter, depthwiseFilter } from '../filter-layout.ts';
import {
  autoPad,
  constantFloats,
  type OperatorNode,
  type Operators,
  toChannelsFirst,
  toChannelsLast,
} from './operator.ts';

export const CONVOLUTION_OPERATORS: Operators = {
  Conv2D: (node) => [convolution(node, 'full')],
  _FusedConv2D: (node) => [convolution(node, 'full')],
  DepthwiseConv2dNative: (node) => [convolution(node, 'depthwise')],
};

const INPUT = 0;
const FILTER = 1;
const BIAS = 2;

function convolution(node: OperatorNode, kind: 'full' | 'depthwise'): Value {
  const { graph, attributes } = node;
  if (attributes.text('data_format') !== 'NHWC')
    throw new Error('only convolutions with channels last are converted');
  const original = constantFloats(node, FILTER);
  const filter = kind === 'depthwise' ? depthwiseFilter(original) : convolutionFilter(original);
  const fused = attributes.texts('fused_ops');
  const inputs = [toChannelsFirst(graph, node.input(INPUT)), graph.weights(filter.data, filter.shape)];
  if (fused.includes('BiasAdd')) {
    const bias = constantFloats(node, BIAS).data;
    inputs.push(graph.weights(bias, [bias.length]));
  }
  const result = graph.op('Conv', inputs, {
    kernel_shape: filter.shape.slice(2),
    strides: attributes.ints('strides').slice(1, 3),
    dilations: attributes.ints('dilations').slice(1, 3),
    auto_pad: autoPad(node),
    group: kind === 'depthwise' ? original.shape[2] : 1,
  });
  return toChannelsLast(graph, activate(graph, result, fused));
}

/** TensorFlow fuses what follows a convolution into it; ONNX Runtime does the same again when it loads the model. */
function activate(graph: GraphBuilder, value: Value, fused: readonly string[]): Value {
  const activations = fused.filter((name) => name !== 'BiasAdd');
  if (activations.length === 0) return value;
  if (activations.join() === 'Relu') return graph.op('Relu', [value]);
  throw new Error(`no conversion for a convolution fused with '${activations.join()}'`);
}
