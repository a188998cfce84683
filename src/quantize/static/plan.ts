import type { QuantizationSpec } from '../../model-config/quantization.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode } from '../../onnx/model.js';
import type { Range } from '../method.js';
import { type Layer, layerOf } from './layer.js';
import { combiningKernel, cutOf, dataInputs, isMoving, paddingOf, scalarOf } from './operators.js';
import { keptBy } from './selection.js';

/** What becomes of a node that is not left as it is. */
export type Role =
  /** Holds weights and computes in 8-bit numbers; gives floats where nobody takes numbers and it can. */
  | { readonly kind: 'layer'; readonly layer: Layer; readonly result: Result; readonly floats: boolean }
  /** Computes numbers from numbers, without weights. */
  | { readonly kind: 'combine'; readonly kernel: string; readonly result: Result }
  /** Moves numbers as it moved floats. */
  | { readonly kind: 'move' }
  /** Done by the rounding of the node before it. */
  | { readonly kind: 'absorbed' };

/** The value that a node gives as numbers. */
export interface Result {
  readonly value: string;
  /** What the absorbed nodes cut it to. */
  readonly cut: Range;
  readonly absorbed: readonly OnnxNode[];
}

export interface Plan {
  readonly roles: ReadonlyMap<OnnxNode, Role>;
  /** Values that nodes give as numbers, with the value whose range they have. */
  readonly numbers: ReadonlyMap<string, string>;
  /** Floats that are rounded to numbers because a node takes numbers. */
  readonly rounded: ReadonlySet<string>;
  /** Why nodes with weights are left as they are. */
  readonly kept: ReadonlyMap<OnnxNode, string>;
}

/** What could be computed in numbers if somebody wants them. */
interface Candidates {
  readonly layers: ReadonlyMap<OnnxNode, Layer>;
  readonly combines: ReadonlyMap<OnnxNode, string>;
  readonly moves: ReadonlySet<OnnxNode>;
  readonly results: ReadonlyMap<OnnxNode, Result>;
  readonly kept: ReadonlyMap<OnnxNode, string>;
}

/** What is known of the numbers that values hold. */
export interface KnownRanges {
  /** Whether the range of a value is known. */
  readonly has: (value: string) => boolean;
  /** Whether a number lies in the range of a value, as far as that is known. */
  readonly holds: (value: string, number: number) => boolean;
}

/** Decides which nodes compute in 8-bit numbers. */
export function planGraph(view: GraphView, spec: QuantizationSpec, ranges: KnownRanges): Plan {
  const candidates = findCandidates(view, spec, ranges);
  const wanted = wantedNumbers(view, candidates);
  const roles = new Map<OnnxNode, Role>();
  const numbers = new Map<string, string>();
  const rounded = new Set<string>();

  const take = (inputs: readonly string[]): void => {
    for (const name of inputs) {
      if (!numbers.has(name) && scalarOf(name, view) === null) rounded.add(name);
    }
  };
  const give = ({ value, absorbed }: Result): void => {
    numbers.set(value, value);
    for (const node of absorbed) roles.set(node, { kind: 'absorbed' });
  };
  for (const node of view.graph.nodes) {
    if (roles.has(node)) continue;
    const layer = candidates.layers.get(node);
    const kernel = candidates.combines.get(node);
    const result = candidates.results.get(node);
    const source = numbers.get(node.inputs[0] ?? '');
    if (layer !== undefined && result !== undefined) {
      const floats = layer.givesFloats && !wanted.has(result.value);
      roles.set(node, { kind: 'layer', layer, result, floats });
      take([node.inputs[0] ?? '']);
      if (!floats) give(result);
    } else if (kernel !== undefined && result !== undefined && wanted.has(result.value)) {
      roles.set(node, { kind: 'combine', kernel, result });
      take(dataInputs(node));
      give(result);
    } else if (candidates.moves.has(node) && source !== undefined) {
      roles.set(node, { kind: 'move' });
      for (const name of node.outputs) numbers.set(name, source);
    }
  }
  return { roles, numbers, rounded, kept: candidates.kept };
}

/** The values whose ranges a plan goes by. */
export function rangesOf({ numbers, rounded }: Plan): ReadonlySet<string> {
  return new Set([...rounded, ...numbers.values()]);
}

/** The values whose channel means a plan goes by: what layers take. */
export function meansOf({ roles }: Plan): ReadonlySet<string> {
  return new Set(
    [...roles].flatMap(([{ inputs }, { kind }]) => (kind === 'layer' ? inputs.slice(0, 1) : [])),
  );
}

/** Values that pads make of numbers as long as these hold what is padded with: floats where they do not. */
export function paddedValuesOf({ roles }: Plan, view: GraphView): string[] {
  return [...roles]
    .filter(([node, { kind }]) => kind === 'move' && fillOf(node, view) !== 0)
    .flatMap(([{ outputs }]) => outputs);
}

/** The number that a moving node adds to those of its input; 0, which every range holds, where there is none. */
function fillOf(node: OnnxNode, view: GraphView): number {
  const padding = node.opType === 'Pad' ? paddingOf(node, view) : null;
  return typeof padding === 'number' && Number.isFinite(padding) ? padding : 0;
}

function findCandidates(
  view: GraphView,
  spec: QuantizationSpec,
  { has: hasRange, holds }: KnownRanges,
): Candidates {
  const { nodes } = view.graph;
  const holders = new Map(nodes.map((node) => [node, layerOf(node, view)]));
  const keep = keptBy(spec, view, new Set(nodes.filter((node) => holders.get(node) !== null)));
  const layers = new Map<OnnxNode, Layer>();
  const combines = new Map<OnnxNode, string>();
  const moves = new Set<OnnxNode>();
  const results = new Map<OnnxNode, Result>();
  const kept = new Map<OnnxNode, string>();
  // Values that could be numbers, with the value whose range they have.
  const possible = new Map<string, string>();
  const absorbed = new Set<OnnxNode>();

  const isTakable = (name: string): boolean => possible.has(name) || hasRange(name);
  const layerOrReason = (node: OnnxNode, { value }: Result): Layer | string => {
    const holder = holders.get(node) ?? '';
    const reason = keep(node);
    if (reason !== null || typeof holder === 'string') return reason ?? holder;
    if (!isTakable(node.inputs[0] ?? '')) return 'no range is known of its input';
    return holder.givesFloats || hasRange(value) ? holder : 'no range is known of its output';
  };
  const canCombine = (node: OnnxNode, { value }: Result): boolean => {
    const inputs = dataInputs(node);
    return (
      keep(node) === null &&
      hasRange(value) &&
      inputs.some((name) => possible.has(name)) &&
      inputs.every((name) => isTakable(name) || scalarOf(name, view) !== null)
    );
  };
  const give = (node: OnnxNode, result: Result): void => {
    results.set(node, result);
    if (!hasRange(result.value)) return;
    possible.set(result.value, result.value);
    for (const each of result.absorbed) absorbed.add(each);
  };
  for (const node of nodes) {
    if (absorbed.has(node)) continue;
    const result = resultOf(node, view);
    const kernel = combiningKernel(node, view);
    const source = possible.get(node.inputs[0] ?? '');
    if (holders.get(node) !== null) {
      const layer = layerOrReason(node, result);
      if (typeof layer === 'string') kept.set(node, layer);
      else {
        layers.set(node, layer);
        give(node, result);
      }
    } else if (source !== undefined && isMoving(node, view) && holds(source, fillOf(node, view))) {
      moves.add(node);
      for (const name of node.outputs) possible.set(name, source);
    } else if (kernel !== null && canCombine(node, result)) {
      combines.set(node, kernel);
      give(node, result);
    }
  }
  return { layers, combines, moves, results, kept };
}

/** What a node gives when the cuts behind it are left to the rounding. */
function resultOf(node: OnnxNode, view: GraphView): Result {
  let value = node.outputs[0] ?? '';
  let cut = cutOf(node, view) ?? { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };
  const absorbed: OnnxNode[] = [];
  for (;;) {
    const next = view.onlyConsumerOf(value);
    const nextCut = next === null || next.inputs[0] !== value ? null : cutOf(next, view);
    if (next === null || nextCut === null) return { value, cut, absorbed };
    cut = { min: Math.max(cut.min, nextCut.min), max: Math.min(cut.max, nextCut.max) };
    absorbed.push(next);
    value = next.outputs[0] ?? '';
  }
}

/** The values that a layer takes, directly or by nodes that could compute in numbers between. */
function wantedNumbers(view: GraphView, candidates: Candidates): ReadonlySet<string> {
  const { layers, combines, moves, results } = candidates;
  const wanted = new Set<string>();
  for (const node of view.graph.nodes.toReversed()) {
    if (layers.has(node)) wanted.add(node.inputs[0] ?? '');
    else if (combines.has(node) && wanted.has(results.get(node)?.value ?? '')) {
      for (const name of dataInputs(node)) wanted.add(name);
    } else if (moves.has(node) && node.outputs.some((name) => wanted.has(name))) {
      wanted.add(node.inputs[0] ?? '');
    }
  }
  return wanted;
}
