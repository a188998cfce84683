import {
  attributeOf,
  floatAttribute,
  intAttribute,
  stringAttribute,
  withAttributes,
  withoutAttribute,
} from './attributes.js';
import { DataType } from './data-type.js';
import type { OnnxDim, OnnxInt, OnnxNode } from './model.js';

/** What an adaptation may ask and make. */
export interface AdaptationPlace {
  /** The name of a new initializer, INT64 of one dimension. */
  ints(base: string, values: readonly OnnxInt[]): string;
  /** The name of a new initializer, a FLOAT scalar. */
  float(base: string, value: number): string;
  /** The name of a new initializer, FLOAT of one dimension. */
  floats(base: string, values: readonly number[]): string;
  /** The floats that a value always has; null where they are not known. */
  constantFloats(name: string): readonly number[] | null;
  /** null where the rank is unknown. */
  shapeOf(name: string): readonly OnnxDim[] | null;
  /** `DataType.undefined` where it is unknown. */
  elemTypeOf(name: string): number;
}

/** The node as the newer opset wants it for the same result, or in words why there is none. */
export type Adapt = (node: OnnxNode, place: AdaptationPlace) => OnnxNode | string;

/** Operators of ONNX's own domain whose nodes can't stay as they are when the opset comes to `since`. */
export interface OpsetChange {
  readonly since: number;
  readonly opTypes: readonly string[];
  readonly adapt: Adapt;
}

/** The oldest opset that can be raised: before it, broadcasting was another. */
export const RAISED_OPSET_MIN = 7;
/** The newest opset whose changes stand here. */
export const RAISED_OPSET_MAX = 25;

const REDUCTIONS = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
];

const refuse = (reason: string) => (): string => reason;

/**
 * Every change between the two opsets above that is more than new types, new optional inputs or attributes whose
 * default means what was meant before; oldest first.
 */
export const OPSET_CHANGES: readonly OpsetChange[] = [
  { since: 9, opTypes: ['Scan'], adapt: refuse('has other inputs') },
  { since: 9, opTypes: ['BatchNormalization'], adapt: withoutSpatial },
  { since: 9, opTypes: ['Upsample'], adapt: scalesToInput },
  { since: 10, opTypes: ['Upsample'], adapt: (node) => ({ ...node, opType: 'Resize' }) },
  { since: 10, opTypes: ['Dropout'], adapt: withoutMask },
  { since: 10, opTypes: ['Slice'], adapt: sliceInputs },
  { since: 10, opTypes: ['TopK'], adapt: (node, place) => intToInput(node, place, 'k') },
  { since: 11, opTypes: ['Resize'], adapt: resizeRounding },
  { since: 11, opTypes: ['Scatter'], adapt: (node) => ({ ...node, opType: 'ScatterElements' }) },
  { since: 11, opTypes: ['Clip'], adapt: clipInputs },
  { since: 11, opTypes: ['Pad'], adapt: padInputs },
  // Only training looks at the ratio.
  { since: 12, opTypes: ['Dropout'], adapt: (node) => withoutAttribute(node, 'ratio') },
  { since: 13, opTypes: ['Softmax', 'LogSoftmax', 'Hardmax'], adapt: softmaxAxis },
  {
    since: 13,
    opTypes: ['Squeeze', 'Unsqueeze', 'ReduceSum'],
    adapt: (node, place) => intsToInput(node, place, 'axes'),
  },
  { since: 13, opTypes: ['Split'], adapt: (node, place) => intsToInput(node, place, 'split') },
  { since: 13, opTypes: ['Resize'], adapt: resizeMode },
  { since: 14, opTypes: ['BatchNormalization'], adapt: oneOutput },
  { since: 16, opTypes: ['RoiAlign'], adapt: roiAlignMode },
  { since: 18, opTypes: REDUCTIONS, adapt: (node, place) => intsToInput(node, place, 'axes') },
  { since: 18, opTypes: ['Split'], adapt: splitCount },
  { since: 19, opTypes: ['AveragePool'], adapt: paddedCeiling },
  { since: 20, opTypes: ['GridSample'], adapt: gridSampleMode },
  { since: 20, opTypes: ['DFT'], adapt: refuse('takes its axis in another way') },
  { since: 21, opTypes: ['GroupNormalization'], adapt: refuse('scales by channel rather than by group') },
];

function withoutSpatial(node: OnnxNode): OnnxNode | string {
  if (intAttribute(node, 'spatial', 1) !== 1) return 'no longer normalises every position on its own';
  return withoutAttribute(node, 'spatial');
}

function withoutMask(node: OnnxNode): OnnxNode | string {
  return (node.outputs[1] ?? '') === '' ? node : 'gives its mask in another type';
}

function oneOutput(node: OnnxNode): OnnxNode | string {
  return node.outputs.slice(1).every((name) => name === '') ? node : 'has other outputs';
}

/** INTS attribute `name` as one more input. */
function intsToInput(node: OnnxNode, place: AdaptationPlace, name: string): OnnxNode {
  const values = intsOrNull(node, name);
  if (values === null) return node;
  return withInputs(withoutAttribute(node, name), [place.ints(`${base(node)}_${name}`, values)]);
}

/** INT attribute `name` as one more input, a list of one. */
function intToInput(node: OnnxNode, place: AdaptationPlace, name: string): OnnxNode | string {
  const value = intAttribute(node, name, null);
  if (value === null) return `has no ${name}`;
  return withInputs(withoutAttribute(node, name), [place.ints(`${base(node)}_${name}`, [value])]);
}

function sliceInputs(node: OnnxNode, place: AdaptationPlace): OnnxNode | string {
  let sliced = node;
  const inputs: string[] = [];
  for (const name of ['starts', 'ends', 'axes']) {
    const values = intsOrNull(node, name);
    if (values === null && name !== 'axes') return `has no ${name}`;
    if (values !== null) inputs.push(place.ints(`${base(node)}_${name}`, values));
    sliced = withoutAttribute(sliced, name);
  }
  return withInputs(sliced, inputs);
}

function clipInputs(node: OnnxNode, place: AdaptationPlace): OnnxNode | string {
  if (!mayBeFloat(node, place)) return NOT_FLOAT;
  const bounds = ['min', 'max'].map((name) => {
    const bound = floatAttribute(node, name, null);
    return bound === null ? '' : place.float(`${base(node)}_${name}`, bound);
  });
  return withInputs(withoutAttribute(withoutAttribute(node, 'min'), 'max'), bounds);
}

function padInputs(node: OnnxNode, place: AdaptationPlace): OnnxNode | string {
  if (!mayBeFloat(node, place)) return NOT_FLOAT;
  const pads = intsOrNull(node, 'pads');
  if (pads === null) return 'has no pads';
  const value = place.float(`${base(node)}_value`, floatAttribute(node, 'value', 0));
  return withInputs(withoutAttribute(withoutAttribute(node, 'pads'), 'value'), [
    place.ints(`${base(node)}_pads`, pads),
    value,
  ]);
}

const NOT_FLOAT = 'takes numbers of another type than FLOAT';

/** A wrong guess here is found when the model is loaded. */
function mayBeFloat(node: OnnxNode, place: AdaptationPlace): boolean {
  const elemType = place.elemTypeOf(node.inputs[0] ?? '');
  return elemType === DataType.float || elemType === DataType.undefined;
}

/** Up to opset 12 all axes from the given one on are one; from 13 on the given one is alone. */
function softmaxAxis(node: OnnxNode, place: AdaptationPlace): OnnxNode | string {
  const axis = intAttribute(node, 'axis', 1);
  if (axis === -1) return withAttributes(node, { axis });
  const shape = place.shapeOf(node.inputs[0] ?? '');
  if (shape === null) return `works on axis ${axis} of a value of unknown rank`;
  const first = axis < 0 ? axis + shape.length : axis;
  const isAlone = first >= 0 && first < shape.length && shape.slice(first + 1).every((dim) => dim === 1);
  return isAlone ? withAttributes(node, { axis: first }) : `works on axis ${axis} and all behind it`;
}

/** FLOATS attribute `scales` as one more input. */
function scalesToInput(node: OnnxNode, place: AdaptationPlace): OnnxNode | string {
  const scales = attributeOf(node, 'scales');
  if (scales?.type !== 'floats') return 'has no scales';
  return withInputs(withoutAttribute(node, 'scales'), [place.floats(`${base(node)}_scales`, scales.value)]);
}

/**
 * The nearest place was the one before for what becomes larger, and the one behind for what becomes smaller: only
 * the first can be told for all sizes of an input.
 */
function resizeRounding(node: OnnxNode, place: AdaptationPlace): OnnxNode | string {
  const [, scales = ''] = node.inputs;
  const factors = place.constantFloats(scales);
  const isNearest = stringAttribute(node, 'mode', 'nearest') === 'nearest';
  if (isNearest && factors?.every((factor) => factor >= 1) !== true) {
    return 'rounds in another way unless it is known to make nothing smaller';
  }
  const told = withAttributes(node, { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' });
  return withInputs(told, [place.floats(`${base(node)}_roi`, []), scales]);
}

function resizeMode(node: OnnxNode): OnnxNode | string {
  const mode = stringAttribute(node, 'coordinate_transformation_mode', '');
  return mode === 'tf_half_pixel_for_nn' ? `has no mode ${mode} any more` : node;
}

function roiAlignMode(node: OnnxNode): OnnxNode {
  const name = 'coordinate_transformation_mode';
  return attributeOf(node, name) === null ? withAttributes(node, { [name]: 'output_half_pixel' }) : node;
}

function splitCount(node: OnnxNode): OnnxNode {
  return (node.inputs[1] ?? '') === '' ? withAttributes(node, { num_outputs: node.outputs.length }) : node;
}

/** What a window that reaches over the end counts as padding. */
function paddedCeiling(node: OnnxNode): OnnxNode | string {
  const isChanged =
    intAttribute(node, 'ceil_mode', 0) === 1 && intAttribute(node, 'count_include_pad', 0) === 1;
  return isChanged ? 'divides by another number where it reaches over the end' : node;
}

function gridSampleMode(node: OnnxNode): OnnxNode {
  const mode = stringAttribute(node, 'mode', 'bilinear');
  return withAttributes(node, { mode: mode.replace(/^bi/, '') });
}

/** The node with `inputs` behind its first one. */
function withInputs(node: OnnxNode, inputs: readonly string[]): OnnxNode {
  const all = [node.inputs[0] ?? '', ...inputs];
  return { ...node, inputs: all.slice(0, all.findLastIndex((name) => name !== '') + 1) };
}

function base(node: OnnxNode): string {
  return node.outputs[0] ?? node.opType;
}

/** An INTS attribute; the ends of slices are often the largest int64, which no number can hold. */
function intsOrNull(node: OnnxNode, name: string): readonly OnnxInt[] | null {
  const found = attributeOf(node, name);
  return found?.type === 'ints' ? found.value : null;
}
