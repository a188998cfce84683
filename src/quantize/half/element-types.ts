import { attributeOf, intAttribute } from '../../onnx/attributes.js';
import { DataType } from '../../onnx/data-type.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode } from '../../onnx/model.js';
import type { MethodContext } from '../method.js';

/** Operators whose outputs have a type of their own, in the order of the outputs; the last holds for more. */
const OUTPUT_TYPES: Readonly<Record<string, readonly number[]>> = {
  ...typed(DataType.int64, 'Shape Size NonZero ArgMax ArgMin NonMaxSuppression'),
  ...typed(
    DataType.bool,
    'And Or Xor Not Equal Greater GreaterOrEqual Less LessOrEqual IsNaN IsInf StringContains',
  ),
  ...typed(DataType.int32, 'MatMulInteger ConvInteger Multinomial'),
  QuantizeLinear: [DataType.uint8],
  DynamicQuantizeLinear: [DataType.uint8, DataType.float, DataType.uint8],
};

/** Further outputs of operators whose first has the type of an input. */
const FURTHER_TYPES: Readonly<Record<string, number>> = {
  MaxPool: DataType.int64,
  TopK: DataType.int64,
  Unique: DataType.int64,
  Dropout: DataType.bool,
};

/** Which input gives the type of the output, where it is not the first. */
const TYPE_INPUTS: Readonly<Record<string, number>> = {
  Where: 1,
  OneHot: 2,
  DequantizeLinear: 1,
  CastLike: 1,
  GatherBlockQuantized: 2,
};

function typed(dataType: number, names: string): Readonly<Record<string, readonly number[]>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, [dataType]]));
}

/**
 * Element types of the values of a graph, by name: what facts and the file say, and for the rest what follows
 * from the operators; missing where nothing does.
 */
export function elementTypes(view: GraphView, facts: MethodContext['facts']): ReadonlyMap<string, number> {
  const { graph } = view;
  const types = new Map<string, number>();
  for (const { name, elemType, otherType } of [...graph.valueInfos, ...graph.outputs, ...graph.inputs]) {
    if (otherType === null && elemType !== DataType.undefined) types.set(name, elemType);
  }
  for (const { name, dataType } of graph.initializers) types.set(name, dataType);
  for (const [name, { elemType }] of facts) if (elemType !== DataType.undefined) types.set(name, elemType);
  for (const node of graph.nodes) {
    for (const [index, name] of node.outputs.entries()) {
      if (name === '' || types.has(name)) continue;
      const type = view.constantOf(name)?.dataType ?? outputType(node, index, types);
      if (type !== undefined) types.set(name, type);
    }
  }
  return types;
}

function outputType(node: OnnxNode, index: number, types: ReadonlyMap<string, number>): number | undefined {
  const { opType, inputs } = node;
  const own = Object.hasOwn(OUTPUT_TYPES, opType) ? OUTPUT_TYPES[opType] : undefined;
  if (own !== undefined) return own[Math.min(index, own.length - 1)];
  if (index > 0 && Object.hasOwn(FURTHER_TYPES, opType)) return FURTHER_TYPES[opType];
  const like = types.get(inputs[TYPE_INPUTS[opType] ?? 0] ?? '');
  switch (opType) {
    case 'Cast':
      return intAttribute(node, 'to', DataType.undefined);
    case 'RandomNormal':
    case 'RandomUniform':
      return intAttribute(node, 'dtype', DataType.float);
    case 'RandomNormalLike':
    case 'RandomUniformLike':
    case 'EyeLike':
    case 'Bernoulli':
      return intAttribute(node, 'dtype', like);
    case 'ConstantOfShape': {
      const value = attributeOf(node, 'value');
      return value?.type === 'tensor' ? value.value.dataType : DataType.float;
    }
    case 'If':
    case 'Loop':
    case 'Scan':
      return subgraphType(node, index);
    default:
      return like;
  }
}

/** What the graphs inside say of their outputs; those of Loop begin with its condition. */
function subgraphType(node: OnnxNode, index: number): number | undefined {
  const attribute = attributeOf(node, node.opType === 'If' ? 'then_branch' : 'body');
  if (attribute?.type !== 'graph') return undefined;
  const type = attribute.value.outputs[node.opType === 'Loop' ? index + 1 : index]?.elemType;
  return type === DataType.undefined ? undefined : type;
}
