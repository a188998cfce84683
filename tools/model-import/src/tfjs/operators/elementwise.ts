import type { Operator, Operators } from './operator.ts';

export const ELEMENTWISE_OPERATORS: Operators = {
  Identity: (node) => [node.input(0)],
  Add: binary('Add'),
  AddV2: binary('Add'),
  Relu: unary('Relu'),
  Sigmoid: unary('Sigmoid'),
  LeakyRelu: ({ graph, attributes, input }) => [
    graph.op('LeakyRelu', [input(0)], { alpha: { float: attributes.float('alpha') } }),
  ],
  Softmax: ({ graph, input }) => [graph.op('Softmax', [input(0)], { axis: -1 })],
};

function unary(type: string): Operator {
  return ({ graph, input }) => [graph.op(type, [input(0)])];
}

function binary(type: string): Operator {
  return ({ graph, input }) => [graph.op(type, [input(0), input(1)])];
}
