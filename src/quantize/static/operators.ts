import { attributesOf, floatAttribute, stringAttribute } from '../../onnx/attributes.js';
import { DataType } from '../../onnx/data-type.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode } from '../../onnx/model.js';
import { floatsOf } from '../../onnx/tensor-values.js';
import type { Range } from '../method.js';

/** Of which operators, with Q and DQ around them, ONNX Runtime makes which kernel. */
const COMBINING: Readonly<Record<string, string>> = {
  Add: 'QLinearAdd',
  Mul: 'QLinearMul',
  Concat: 'QLinearConcat',
  AveragePool: 'QLinearAveragePool',
  GlobalAveragePool: 'QLinearGlobalAveragePool',
  LeakyRelu: 'QLinearLeakyRelu',
  Sigmoid: 'QLinearSigmoid',
};

/** Operators that only move numbers, whatever they mean, and have a kernel for 8-bit numbers. */
const MOVING = new Set([
  'DepthToSpace',
  'Expand',
  'Flatten',
  'Gather',
  'Identity',
  'MaxPool',
  'Pad',
  'Reshape',
  'Resize',
  'Slice',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** Layers whose float weights ONNX Runtime quantizes by itself (`WeightBiasQuantization`). */
const UNASKED = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/** Operators that look at the shape of their input only. */
const MEASURING = new Set(['Shape', 'Size']);

/** The kernel that computes the node's result in 8-bit numbers from 8-bit inputs, null when there is none. */
export function combiningKernel(node: OnnxNode, view: GraphView): string | null {
  if (cutOf(node, view) !== null) return COMBINING.LeakyRelu ?? null;
  return isOnnx(node) && Object.hasOwn(COMBINING, node.opType) ? (COMBINING[node.opType] ?? null) : null;
}

/**
 * A combining node in the form that has a kernel: a cut, which the rounding of its result does, as LeakyRelu that
 * leaves positive numbers alone and takes off negative ones or leaves them too.
 */
export function combiningForm(node: OnnxNode, view: GraphView): OnnxNode {
  const cut = cutOf(node, view);
  if (cut === null) return node;
  const attributes = attributesOf({ alpha: { float: cut.min === 0 ? 0 : 1 } });
  return { ...node, opType: 'LeakyRelu', inputs: node.inputs.slice(0, 1), attributes };
}

/** The inputs of a combining node that are data. */
export function dataInputs(node: OnnxNode): readonly string[] {
  // The others of Clip are its bounds.
  return node.opType === 'Clip' ? node.inputs.slice(0, 1) : node.inputs.filter((name) => name !== '');
}

/** Whether the node gives out numbers of its first input, in another place or shape; see `paddingOf` for Pad. */
export function isMoving(node: OnnxNode, view: GraphView): boolean {
  if (!isOnnx(node) || !MOVING.has(node.opType)) return false;
  switch (node.opType) {
    case 'MaxPool':
      // Its second output are places, which nobody wants here.
      return node.outputs.length === 1;
    case 'Resize':
      return (
        stringAttribute(node, 'mode', 'nearest') === 'nearest' &&
        stringAttribute(node, 'coordinate_transformation_mode', '') !== 'tf_crop_and_resize'
      );
    case 'Pad':
      return paddingOf(node, view) !== null;
    default:
      return true;
  }
}

/**
 * What a Pad node puts around: a real, or 'none' when it repeats what is there; null when that is not known, or
 * is below all numbers where somebody but MaxPool, which looks for greater ones, would see it.
 */
export function paddingOf(node: OnnxNode, view: GraphView): number | 'none' | null {
  if (stringAttribute(node, 'mode', 'constant') !== 'constant') return 'none';
  const name = node.inputs[2] ?? '';
  // An attribute before opset 11.
  const value = name === '' ? floatAttribute(node, 'value', 0) : scalarOf(name, view);
  if (value === null || Number.isFinite(value)) return value;
  const users = view.isGraphOutput(node.outputs[0] ?? '') ? [] : view.consumersOf(node.outputs[0] ?? '');
  const isHidden = users.length > 0 && users.every(({ opType }) => opType === 'MaxPool');
  return value === Number.NEGATIVE_INFINITY && isHidden ? value : null;
}

export function isMeasuring(node: OnnxNode): boolean {
  return isOnnx(node) && MEASURING.has(node.opType);
}

/**
 * The range that a node cuts its input to, when it does nothing else and zero lies inside: numbers whose range
 * lies in there too are cut by themselves. null for other nodes.
 */
export function cutOf(node: OnnxNode, view: GraphView): Range | null {
  if (!isOnnx(node)) return null;
  if (node.opType === 'Relu') return { min: 0, max: Number.POSITIVE_INFINITY };
  if (node.opType !== 'Clip') return null;
  const min = boundOf(node, 1, 'min', Number.NEGATIVE_INFINITY, view);
  const max = boundOf(node, 2, 'max', Number.POSITIVE_INFINITY, view);
  return min !== null && max !== null && min <= 0 && max >= 0 ? { min, max } : null;
}

/** A bound of Clip, an attribute before opset 11; null when it is not constant. */
function boundOf(
  node: OnnxNode,
  input: number,
  attribute: string,
  fallback: number,
  view: GraphView,
): number | null {
  const name = node.inputs[input] ?? '';
  return name === '' ? floatAttribute(node, attribute, fallback) : scalarOf(name, view);
}

/** The float that `name` always is; null when it is none, or not one. */
export function scalarOf(name: string, view: GraphView): number | null {
  const constant = view.constantOf(name);
  if (constant?.dataType !== DataType.float) return null;
  const floats = floatsOf(constant);
  return floats.length === 1 ? (floats[0] ?? null) : null;
}

function isOnnx({ domain }: OnnxNode): boolean {
  return domain === '';
}

/** Whether ONNX Runtime computes the node in numbers, asked or not, when it stands between them. */
export function isQuantizedUnasked({ domain, opType }: OnnxNode): boolean {
  return domain === '' && (UNASKED.has(opType) || Object.hasOwn(COMBINING, opType));
}
