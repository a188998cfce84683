import { floatAttribute, intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { bytesOf, DataType, dataTypeName } from '../../onnx/data-type.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { elementsOf } from '../../onnx/tensor.js';
import type { MethodContext } from '../method.js';
import type { ColumnsLayout } from './columns.js';

/** What a node does with its weights. */
export type WeightUse =
  /** Multiplies its input with them, one column for each output. */
  | 'multiply'
  /** Takes them as the filters of a convolution. */
  | 'filter'
  /** Looks rows of them up. */
  | 'lookup';

/** A node with constant floating-point weights. */
export interface WeightLayer {
  readonly node: OnnxNode;
  readonly use: WeightUse;
  /** What comes in: for a lookup the indices. */
  readonly input: string;
  /** FLOAT or FLOAT16, of the dimensions that the node's weights have in the file. */
  readonly weight: OnnxTensor;
  readonly layout: ColumnsLayout;
  readonly bias: GemmBias | null;
}

/** What Gemm adds to the product. */
export interface GemmBias {
  readonly name: string;
  /** Constant where the factor is not 1. */
  readonly tensor: OnnxTensor | null;
  readonly factor: number;
}

/** A node with weights that nothing here can quantize. */
export interface OtherLayer {
  readonly node: OnnxNode;
  readonly weightBytes: number;
  readonly reason: string;
}

type Found = Omit<WeightLayer, 'node' | 'use'> | string;

interface Operator {
  readonly use: WeightUse;
  readonly weightInput: number;
  readonly find: (node: OnnxNode, weight: ConstantWeight, place: Place) => Found;
}

interface Place {
  readonly view: GraphView;
  readonly facts: MethodContext['facts'];
}

const OPERATORS: Readonly<Record<string, Operator>> = {
  MatMul: { use: 'multiply', weightInput: 1, find: findMatMul },
  Gemm: { use: 'multiply', weightInput: 1, find: findGemm },
  Conv: { use: 'filter', weightInput: 1, find: findFilters },
  ConvTranspose: { use: 'filter', weightInput: 1, find: findFilters },
  Gather: { use: 'lookup', weightInput: 0, find: findTable },
};

/** Operators with weights that no kernel takes in blocks. */
const OTHERS: Readonly<Record<string, number>> = { LSTM: 1, GRU: 1, RNN: 1 };

/** Tables with fewer elements are not worth a kernel of their own. */
const TABLE_ELEMENTS_MIN = 1 << 16;

/** The layer that `node` is; null when it has no weights, or too few to speak of. */
export function weightLayerOf(node: OnnxNode, place: Place): WeightLayer | OtherLayer | null {
  if (node.domain !== '') return null;
  const other = Object.hasOwn(OTHERS, node.opType) ? OTHERS[node.opType] : undefined;
  if (other !== undefined) return otherLayer(node, other, place.view);
  const operator = Object.hasOwn(OPERATORS, node.opType) ? OPERATORS[node.opType] : undefined;
  if (operator === undefined) return null;
  const weight = constantWeight(node.inputs[operator.weightInput] ?? '', place.view);
  if (typeof weight === 'string') return { node, weightBytes: 0, reason: weight };
  if (weight === null) return leftWeights(node, place.view);
  const { tensor } = weight;
  if (operator.use === 'lookup' && elementsOf(tensor.dims) < TABLE_ELEMENTS_MIN) return null;
  const found = soundWeight(tensor) ?? operator.find(node, weight, place);
  if (typeof found === 'string') return { node, weightBytes: tensorBytes(tensor), reason: found };
  return { node, use: operator.use, ...found };
}

/** Of a tensor's elements, which stay where they are. */
export function tensorBytes({ dataType, dims }: OnnxTensor): number {
  return bytesOf(dataType, elementsOf(dims)) ?? 0;
}

/** Whether nothing speaks against quantizing the layer. */
export function isWeightLayer(layer: WeightLayer | OtherLayer): layer is WeightLayer {
  return 'layout' in layer;
}

/** A constant, and whether the graph turns its rows into columns. */
interface ConstantWeight {
  readonly tensor: OnnxTensor;
  readonly transposed: boolean;
}

/** The weights called `name`; null when they depend on an input, in words why when a caller may give others. */
function constantWeight(name: string, view: GraphView): ConstantWeight | null | string {
  if (view.initializer(name) !== null && view.isGraphInput(name)) {
    return 'its weights are an input with a default';
  }
  const tensor = view.constantOf(name);
  if (tensor !== null) return isNumber(tensor) ? { tensor, transposed: false } : null;
  const producer = view.producerOf(name);
  if (producer?.domain !== '' || producer.opType !== 'Transpose') return null;
  const source = view.constantOf(producer.inputs[0] ?? '');
  if (source === null || source.dims.length !== 2 || !isNumber(source)) return null;
  const [first] = intsAttribute(producer, 'perm', [1, 0]);
  return { tensor: source, transposed: first === 1 };
}

/** Tables and factors of integers are no weights. */
function isNumber({ dataType }: OnnxTensor): boolean {
  const types: readonly number[] = [DataType.float, DataType.float16, DataType.bfloat16, DataType.double];
  return types.includes(dataType);
}

function soundWeight(tensor: OnnxTensor): string | null {
  if (tensor.dims.includes(0)) return 'its weights are empty';
  if (tensor.dataType === DataType.float || tensor.dataType === DataType.float16) return null;
  return `its weights are ${dataTypeName(tensor.dataType)}`;
}

function leftWeights(node: OnnxNode, view: GraphView): OtherLayer | null {
  if (node.opType !== 'MatMul' && node.opType !== 'Gemm') return null;
  const tensor = view.constantOf(node.inputs[0] ?? '');
  if (tensor === null || !isNumber(tensor)) return null;
  return { node, weightBytes: tensorBytes(tensor), reason: 'its weights are on the left side' };
}

function otherLayer(node: OnnxNode, input: number, view: GraphView): OtherLayer | null {
  const weightBytes = node.inputs
    .slice(input, input + 2)
    .map((name) => view.constantOf(name))
    .reduce((bytes, tensor) => bytes + (tensor === null ? 0 : tensorBytes(tensor)), 0);
  return weightBytes === 0
    ? null
    : { node, weightBytes, reason: `no kernel takes the weights of ${node.opType} in blocks` };
}

function findMatMul(node: OnnxNode, weight: ConstantWeight, { facts }: Place): Found {
  const input = node.inputs[0] ?? '';
  if (facts.get(input)?.shape.length === 1) return 'its input is a vector';
  const layout = matrixLayout(weight, false, 1);
  return typeof layout === 'string' ? layout : { input, weight: weight.tensor, layout, bias: null };
}

function findGemm(node: OnnxNode, weight: ConstantWeight, { view }: Place): Found {
  if (intAttribute(node, 'transA', 0) !== 0) return 'its input is transposed';
  const factor = floatAttribute(node, 'alpha', 1);
  const layout = matrixLayout(weight, intAttribute(node, 'transB', 0) !== 0, factor);
  if (typeof layout === 'string') return layout;
  const bias = gemmBias(node, view);
  if (typeof bias === 'string') return bias;
  return { input: node.inputs[0] ?? '', weight: weight.tensor, layout, bias };
}

function gemmBias(node: OnnxNode, view: GraphView): GemmBias | null | string {
  const name = node.inputs[2] ?? '';
  const factor = floatAttribute(node, 'beta', 1);
  if (name === '' || factor === 0) return null;
  const tensor = factor === 1 ? null : view.constantOf(name);
  if (factor !== 1 && tensor?.dataType !== DataType.float) return 'its bias is scaled, and no constant';
  return { name, tensor, factor };
}

function matrixLayout(
  { tensor, transposed }: ConstantWeight,
  isRows: boolean,
  factor: number,
): ColumnsLayout | string {
  const [rows, columns, ...more] = tensor.dims;
  if (rows === undefined || columns === undefined || more.length > 0) {
    return `its weights have ${tensor.dims.length} dimensions`;
  }
  const contiguous = transposed !== isRows;
  return contiguous
    ? { depth: columns, count: rows, contiguous, factor }
    : { depth: rows, count: columns, contiguous, factor };
}

function findFilters(node: OnnxNode, { tensor, transposed }: ConstantWeight): Found {
  const [count = 1, ...places] = tensor.dims;
  if (places.length < 2 || transposed) return `its weights have ${tensor.dims.length} dimensions`;
  const depth = elementsOf(places);
  const layout = { depth, count, contiguous: true, factor: 1 };
  return { input: node.inputs[0] ?? '', weight: tensor, layout, bias: null };
}

function findTable(node: OnnxNode, { tensor, transposed }: ConstantWeight): Found {
  const [count = 1, depth, ...more] = tensor.dims;
  if (depth === undefined || more.length > 0 || transposed) {
    return `its table has ${tensor.dims.length} dimensions`;
  }
  if (intAttribute(node, 'axis', 0) !== 0) return 'it looks columns up, not rows';
  const layout = { depth, count, contiguous: true, factor: 1 };
  return { input: node.inputs[1] ?? '', weight: tensor, layout, bias: null };
}
