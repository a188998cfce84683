import { autoPad, constantInts, type Operators, toChannelsFirst, toChannelsLast } from './operator.ts';

export const POOLING_OPERATORS: Operators = {
  MaxPool: (node) => {
    const { graph, attributes } = node;
    const pooled = graph.op('MaxPool', [toChannelsFirst(graph, node.input(0))], {
      kernel_shape: attributes.ints('ksize').slice(1, 3),
      strides: attributes.ints('strides').slice(1, 3),
      auto_pad: autoPad(node),
    });
    return [toChannelsLast(graph, pooled)];
  },
  Mean: (node) => [
    node.graph.op('ReduceMean', [node.input(0)], {
      axes: constantInts(node, 1),
      keepdims: node.attributes.flag('keep_dims') ? 1 : 0,
    }),
  ],
};
