import type { GraphBuilder, Value } from '../../onnx/graph-builder.ts';
import {
  constantFloats,
  constantInts,
  type OperatorNode,
  type Operators,
  toChannelsFirst,
  toChannelsLast,
} from './operator.ts';

export const SHAPE_OPERATORS: Operators = {
  Transpose: (node) => [node.graph.transpose(node.input(0), constantInts(node, 1))],
  Reshape: (node) => [
    node.graph.op('Reshape', [node.input(0), node.graph.ints(batchedShape(constantInts(node, 1)))]),
  ],
  Pad: (node) => [node.graph.op('Pad', [node.input(0), paddings(node)])],
  PadV2: (node) => [
    node.graph.op('Pad', [
      node.input(0),
      paddings(node),
      node.graph.floats(constantFloats(node, 2).data, []),
    ]),
  ],
  ConcatV2: (node) => {
    const axisIndex = node.inputCount - 1;
    const parts = Array.from({ length: axisIndex }, (_, index) => node.input(index));
    return [node.graph.op('Concat', parts, { axis: constantInts(node, axisIndex)[0] })];
  },
  SplitV: (node) => {
    const sizes = constantInts(node, 1);
    const [axis] = constantInts(node, 2);
    return node.graph.opWithOutputs(sizes.length, 'Split', [node.input(0), node.graph.ints(sizes)], { axis });
  },
  ResizeBilinear: (node) => [resizeBilinear(node)],
};

/** The nets were exported for one picture at a time. A 0 in ONNX's Reshape keeps the size of the input, here the batch. */
function batchedShape(shape: readonly number[]): number[] {
  const [first, ...rest] = shape;
  return [first === 1 ? 0 : first, ...rest];
}

/** TensorFlow has [before, after] for each axis, ONNX first all befores, then all afters. */
function paddings(node: OperatorNode): Value {
  const pairs = constantInts(node, 1);
  const befores = pairs.filter((_, index) => index % 2 === 0);
  const afters = pairs.filter((_, index) => index % 2 === 1);
  return node.graph.ints([...befores, ...afters]);
}

function resizeBilinear(node: OperatorNode): Value {
  const { graph, attributes } = node;
  const x = toChannelsFirst(graph, node.input(0));
  const sizes = graph.op('Concat', [batchAndChannels(graph, x), graph.ints(constantInts(node, 1))], {
    axis: 0,
  });
  const resized = graph.op('Resize', [x, '', '', sizes], {
    mode: 'linear',
    coordinate_transformation_mode: coordinateMode(
      attributes.flag('align_corners'),
      attributes.flag('half_pixel_centers'),
    ),
  });
  return toChannelsLast(graph, resized);
}

function batchAndChannels(graph: GraphBuilder, x: Value): Value {
  return graph.op('Shape', [x], { start: 0, end: 2 });
}

function coordinateMode(alignCorners: boolean, halfPixelCenters: boolean): string {
  if (alignCorners) return 'align_corners';
  return halfPixelCenters ? 'half_pixel' : 'asymmetric';
}
