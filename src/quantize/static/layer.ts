import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { DataType, dataTypeName } from '../../onnx/data-type.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { columnLayout, filterLayout, rowLayout, type WeightLayout } from './weight-layout.js';

/** A node with constant weights that has an int8 kernel. */
export interface Layer {
  readonly node: OnnxNode;
  readonly weight: OnnxTensor;
  readonly layout: WeightLayout;
  /** Dimension of the weight that counts the output channels. */
  readonly channelAxis: number;
  /** What the node multiplies the weights with on the way: alpha of Gemm. */
  readonly weightFactor: number;
  readonly bias: OnnxTensor | null;
  readonly takesBias: boolean;
  /** beta of Gemm. */
  readonly biasFactor: number;
  /** Whether its kernel can give floats as well, so that nothing is lost where nobody takes 8-bit numbers. */
  readonly givesFloats: boolean;
}

/** Operators that hold weights; those without an int8 kernel have the reason. */
const OPERATORS: Readonly<Record<string, string | ((node: OnnxNode, view: GraphView) => Layer | string)>> = {
  Conv: convLayer,
  MatMul: matMulLayer,
  Gemm: gemmLayer,
  ConvTranspose: 'ONNX Runtime has no int8 kernel for ConvTranspose',
  LSTM: 'ONNX Runtime has no static int8 kernel for LSTM',
  GRU: 'ONNX Runtime has no static int8 kernel for GRU',
  RNN: 'ONNX Runtime has no static int8 kernel for RNN',
};

/** The layer that `node` is, or the reason why it is none; null for operators that hold no weights. */
export function layerOf(node: OnnxNode, view: GraphView): Layer | string | null {
  const entry = node.domain === '' && Object.hasOwn(OPERATORS, node.opType) ? OPERATORS[node.opType] : null;
  if (entry === null || entry === undefined) return null;
  return typeof entry === 'string' ? entry : entry(node, view);
}

function convLayer(node: OnnxNode, view: GraphView): Layer | string {
  const weight = constantFloats(node.inputs[1] ?? '', view, 'weights');
  if (typeof weight === 'string') return weight;
  if (weight.dims.length < 3) return `its weights have ${weight.dims.length} dimensions`;
  const layout = filterLayout(weight.dims, intAttribute(node, 'group', 1));
  const bias = biasOf(node, view, layout.channels);
  if (typeof bias === 'string') return bias;
  return {
    node,
    weight,
    layout,
    channelAxis: 0,
    weightFactor: 1,
    bias,
    takesBias: true,
    biasFactor: 1,
    givesFloats: false,
  };
}

function matMulLayer(node: OnnxNode, view: GraphView): Layer | string {
  const weight = constantFloats(node.inputs[1] ?? '', view, 'weights');
  if (typeof weight === 'string') return weight;
  if (weight.dims.length !== 2) return `its weights have ${weight.dims.length} dimensions`;
  const layout = columnLayout(weight.dims);
  const plain = { weightFactor: 1, bias: null, takesBias: false, biasFactor: 1, givesFloats: true };
  return { node, weight, layout, channelAxis: 1, ...plain };
}

function gemmLayer(node: OnnxNode, view: GraphView): Layer | string {
  const weight = constantFloats(node.inputs[1] ?? '', view, 'weights');
  if (typeof weight === 'string') return weight;
  if (weight.dims.length !== 2) return `its weights have ${weight.dims.length} dimensions`;
  if (intAttribute(node, 'transA', 0) !== 0) return 'its input is transposed';
  const rows = intAttribute(node, 'transB', 0) !== 0;
  const layout = rows ? rowLayout(weight.dims) : columnLayout(weight.dims);
  const bias = biasOf(node, view, layout.channels);
  if (typeof bias === 'string') return bias;
  return {
    node,
    weight,
    layout,
    channelAxis: rows ? 0 : 1,
    weightFactor: floatAttribute(node, 'alpha', 1),
    bias,
    takesBias: true,
    biasFactor: floatAttribute(node, 'beta', 1),
    givesFloats: true,
  };
}

/** The bias with one number for each channel; null when there is none. */
function biasOf(node: OnnxNode, view: GraphView, channels: number): OnnxTensor | null | string {
  const name = node.inputs[2] ?? '';
  if (name === '') return null;
  const bias = constantFloats(name, view, 'bias');
  if (typeof bias === 'string') return bias;
  const elements = bias.dims.reduce((a, size) => a * size, 1);
  // [1, channels] is what Gemm may broadcast as well.
  if (bias.dims.at(-1) !== channels || elements !== channels) {
    return `its bias has the shape [${bias.dims.join(', ')}]`;
  }
  return bias;
}

function constantFloats(name: string, view: GraphView, what: string): OnnxTensor | string {
  const tensor = view.constantOf(name);
  if (tensor === null) return `its ${what} are not constant`;
  if (tensor.dataType !== DataType.float) return `its ${what} are ${dataTypeName(tensor.dataType)}`;
  if (tensor.dims.includes(0)) return `its ${what} are empty`;
  return tensor;
}
