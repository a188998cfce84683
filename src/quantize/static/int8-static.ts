import type { QuantizationSpec } from '../../model-config/quantization.js';
import { valueInfoOf } from '../../onnx/build.js';
import { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel } from '../../onnx/model.js';
import { withOpset } from '../../onnx/opset.js';
import { factsOf, type ValueFacts, valueFacts } from '../../onnx/value-facts.js';
import type { MethodContext, QuantizeMethod, Range } from '../method.js';
import { refuseQuantized } from '../quantized-operators.js';
import { affineOf } from './affine.js';
import { foldBatchNorms } from './fold-batch-norms.js';
import { foldPads } from './fold-pads.js';
import { meansOf, paddedValuesOf, planGraph, rangesOf } from './plan.js';
import { rewrite } from './rewrite.js';

/** Scales by channel came with this opset. */
const OPSET_MIN = 13;

/**
 * Values whose ranges `int8Static` goes by when it gets the same model and specification: calibration is to
 * watch them. Throws as `int8Static` does of a model that can't be quantized.
 */
export function int8StaticValues(model: OnnxModel, spec: QuantizationSpec): ReadonlySet<string> {
  refuseQuantized(model);
  const view = new GraphView(folded(model));
  const plan = planGraph(view, spec, {
    has: (value) => value !== '' && view.constantOf(value) === null,
    holds: () => true,
  });
  return new Set([...rangesOf(plan), ...meansOf(plan), ...paddedValuesOf(plan, view)]);
}

/**
 * Static 8-bit quantization of convolution nets: activations 0..255 with a zero point, from the ranges of
 * calibration; weights signed with a scale for each output channel. Takes simplified models best.
 */
export const int8Static: QuantizeMethod = (original, { spec, ranges, facts }) => {
  refuseQuantized(original);
  const model = withOpset(folded(original), '', OPSET_MIN, valueFactsOf(original, facts));
  const view = new GraphView(model);
  const plan = planGraph(view, spec, {
    has: (value) => ranges.has(value),
    holds: (value, number) => isInside(ranges.get(value), number),
  });
  if (![...plan.roles.values()].some(({ kind }) => kind === 'layer')) {
    const reasons = [...new Set(plan.kept.values())].join('; ');
    throw new Error(`nothing of the model can be quantized: ${reasons || 'it has no layers with weights'}`);
  }
  const cuts = new Map(
    [...plan.roles.values()].flatMap((role) =>
      role.kind === 'layer' || role.kind === 'combine' ? [[role.result.value, role.result.cut] as const] : [],
    ),
  );
  const affines = new Map(
    [...rangesOf(plan)].map((value) => [value, affineOf(cutRange(ranges.get(value), cuts.get(value)))]),
  );
  const means = new Map(
    [...meansOf(plan)].flatMap((value) => {
      const channelMeans = ranges.get(value)?.channelMeans;
      return channelMeans === undefined ? [] : [[value, channelMeans] as const];
    }),
  );
  return rewrite(model, view, plan, affines, means, (value) => channelsOf(facts.get(value)?.shape));
};

function folded(model: OnnxModel): OnnxModel {
  return foldPads(foldBatchNorms(model));
}

function valueFactsOf({ graph }: OnnxModel, facts: MethodContext['facts']): ValueFacts {
  const known = [...facts].map(([name, { elemType, shape }]) =>
    valueInfoOf(
      name,
      elemType,
      shape.map((size) => (size < 0 ? null : size)),
    ),
  );
  return valueFacts(factsOf(graph).values(), known);
}

/** Size of dimension 1; null when it is not known. */
function channelsOf(shape: readonly number[] | undefined): number | null {
  const channels = shape?.[1] ?? -1;
  return channels > 0 ? channels : null;
}

function isInside(range: Range | undefined, number: number): boolean {
  return number === 0 || (range !== undefined && number >= range.min && number <= range.max);
}

/** The range with zero inside and within `cut`. */
function cutRange({ min, max }: Range = { min: 0, max: 0 }, cut?: Range): Range {
  return {
    min: Math.min(0, Math.max(min, cut?.min ?? min)),
    max: Math.max(0, Math.min(max, cut?.max ?? max)),
  };
}
