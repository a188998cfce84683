import {
  intAttribute,
  intsAttribute,
  stringAttribute,
  withAttributes,
  withoutAttribute,
} from '../../onnx/attributes.js';
import { removeDead, replaceNodes } from '../../onnx/edit-graph.js';
import { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { intsOf } from '../../onnx/tensor-values.js';
import { paddingOf } from './operators.js';

/** What each operator puts around its input when it is told to pad. */
const OWN_PADDING: Readonly<Record<string, number>> = { Conv: 0, MaxPool: Number.NEGATIVE_INFINITY };

/** The model with Pad nodes merged into the convolutions and poolings behind them, which pad by themselves. */
export function foldPads(model: OnnxModel): OnnxModel {
  const view = new GraphView(model);
  const replaced = new Map<OnnxNode, readonly OnnxNode[]>();
  for (const node of model.graph.nodes) {
    const pad = view.producerOf(node.inputs[0] ?? '');
    if (pad?.opType !== 'Pad' || pad.domain !== '' || node.domain !== '') continue;
    if (paddingOf(pad, view) !== OWN_PADDING[node.opType]) continue;
    const pads = padsOf(pad, view);
    if (pads === null || !takesPads(node)) continue;
    const own = intsAttribute(node, 'pads', null);
    const sum = pads.map((size, index) => size + (own?.[index] ?? 0));
    const padded = withAttributes(withoutAttribute(node, 'auto_pad'), { pads: sum });
    replaced.set(node, [{ ...padded, inputs: [pad.inputs[0] ?? '', ...node.inputs.slice(1)] }]);
  }
  if (replaced.size === 0) return model;
  return { ...model, graph: removeDead(replaceNodes(model.graph, replaced)) };
}

/** Sizes before and behind each spatial dimension; null when others are padded, some cut, or it is not known. */
function padsOf(pad: OnnxNode, view: GraphView): readonly number[] | null {
  // Axes, since opset 18.
  if ((pad.inputs[3] ?? '') !== '') return null;
  const constant = view.constantOf(pad.inputs[1] ?? '');
  const pads = constant === null ? intsAttribute(pad, 'pads', null) : intsOf(constant);
  if (pads === null) return null;
  const rank = pads.length / 2;
  const outer = [...pads.slice(0, 2), ...pads.slice(rank, rank + 2)];
  if (outer.some((size) => size !== 0) || pads.some((size) => size < 0)) return null;
  return [...pads.slice(2, rank), ...pads.slice(rank + 2)];
}

function takesPads(node: OnnxNode): boolean {
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  return (
    (auto === 'NOTSET' || auto === 'VALID') &&
    // With the last window cut off it matters whether what is padded is there.
    intAttribute(node, 'ceil_mode', 0) === 0 &&
    node.outputs.length === 1
  );
}
