import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode } from '../../onnx/model.js';
import { keptReport } from '../kept-report.js';
import type { LayerReport, MethodContext } from '../method.js';
import { keptBy, nameOf } from '../static/selection.js';
import { isWeightLayer, tensorBytes, type WeightLayer, weightLayerOf } from './weight-layer.js';

/** Which layers of a graph are quantized, and why the others are not. */
export interface WeightPlan {
  readonly layers: ReadonlyMap<OnnxNode, WeightLayer>;
  readonly kept: ReadonlyMap<OnnxNode, LayerReport>;
}

/** Why a method leaves a layer alone; null when it takes it. */
export type LayerRule = (layer: WeightLayer) => string | null;

export interface PlanOptions {
  readonly rule: LayerRule;
  /** Whether a layer is worth quantizing only when nobody needs its weights in floats any more. */
  readonly forMemory: boolean;
}

/** Goes by the specification's selection and the method's own rule. Throws an Error for people when nothing is left. */
export function planWeights(
  view: GraphView,
  { spec, facts }: MethodContext,
  { rule, forMemory }: PlanOptions,
): WeightPlan {
  const layers = new Map<OnnxNode, WeightLayer>();
  const kept = new Map<OnnxNode, LayerReport>();
  for (const node of view.graph.nodes) {
    const layer = weightLayerOf(node, { view, facts });
    if (layer === null) continue;
    const reason = isWeightLayer(layer) ? rule(layer) : layer.reason;
    if (isWeightLayer(layer) && reason === null) layers.set(node, layer);
    else
      kept.set(
        node,
        keptReport(node, isWeightLayer(layer) ? tensorBytes(layer.weight) : layer.weightBytes, reason ?? ''),
      );
  }
  const keep = (node: OnnxNode, layer: WeightLayer, reason: string): void => {
    layers.delete(node);
    kept.set(node, keptReport(node, tensorBytes(layer.weight), reason));
  };
  const selected = keptBy(spec, view, new Set(layers.keys()));
  for (const [node, layer] of [...layers]) {
    const reason = selected(node);
    if (reason !== null) keep(node, layer, reason);
  }
  if (forMemory) {
    // Keeping one layer may keep another that shares its weights.
    for (let before = -1; before !== layers.size; ) {
      before = layers.size;
      for (const [node, layer] of [...layers]) {
        const user = floatUser(layer.weight.name, view, layers);
        if (user !== null) keep(node, layer, `${user} needs its weights in floats`);
      }
    }
  }
  if (layers.size === 0) {
    const reasons = [...new Set([...kept.values()].map(({ reason }) => reason))].join('; ');
    throw new Error(`nothing of the model can be quantized: ${reasons || 'it has no layers with weights'}`);
  }
  return { layers, kept };
}

/** Who uses the constant `name` and is not among `layers`: a node, or the caller. */
function floatUser(name: string, view: GraphView, layers: ReadonlyMap<OnnxNode, WeightLayer>): string | null {
  if (view.isGraphOutput(name)) return 'an output';
  for (const { node, input } of view.usesOf(name)) {
    const isWeight = input !== null && (layers.get(node)?.use === 'lookup' ? input === 0 : input === 1);
    if (layers.has(node) && isWeight) continue;
    const passes = input !== null && (node.opType === 'Identity' || node.opType === 'Transpose');
    const user = passes ? floatUser(node.outputs[0] ?? '', view, layers) : `${node.opType} '${nameOf(node)}'`;
    if (user !== null) return user;
  }
  return null;
}
