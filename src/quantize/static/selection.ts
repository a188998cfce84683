import type { QuantizationSpec } from '../../model-config/quantization.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxNode } from '../../onnx/model.js';
import { outerNames } from '../../onnx/subgraphs.js';

type Selection = Pick<QuantizationSpec, 'include' | 'exclude' | 'keepFirst' | 'keepLast'>;

/**
 * Why the specification keeps a node as it is, null when it does not. `layers` are the nodes with weights: the
 * first ones have none before them on any way, the last none behind them.
 */
export function keptBy(
  spec: Selection,
  view: GraphView,
  layers: ReadonlySet<OnnxNode>,
): (node: OnnxNode) => string | null {
  const notFirst = spec.keepFirst ? reached(view, layers, 'after') : layers;
  const notLast = spec.keepLast ? reached(view, layers, 'before') : layers;
  return (node) => {
    if (isNamed(node, spec.exclude)) return 'it is excluded';
    if (spec.include.length > 0 && !isNamed(node, spec.include)) return 'it is not among those to include';
    if (!layers.has(node)) return null;
    if (!notFirst.has(node)) return 'first layers are kept';
    return notLast.has(node) ? null : 'last layers are kept';
  };
}

/** How a node is called: by its name, or by its first output. */
export function nameOf(node: OnnxNode): string {
  return node.name === '' ? (node.outputs[0] ?? '') : node.name;
}

function isNamed(node: OnnxNode, names: readonly string[]): boolean {
  return names.includes(nameOf(node)) || names.includes(node.opType);
}

/** The layers that lie after, or before, another one. */
function reached(
  view: GraphView,
  layers: ReadonlySet<OnnxNode>,
  side: 'after' | 'before',
): ReadonlySet<OnnxNode> {
  const { nodes } = view.graph;
  const found = new Set<OnnxNode>();
  // Values with a layer on their way.
  const values = new Set<string>();
  for (const node of side === 'after' ? nodes : nodes.toReversed()) {
    const taken = [...node.inputs, ...outerNames(node)];
    const [near, far] = side === 'after' ? [taken, node.outputs] : [node.outputs, taken];
    const isReached = near.some((name) => name !== '' && values.has(name));
    if (isReached && layers.has(node)) found.add(node);
    if (isReached || layers.has(node)) for (const name of far) values.add(name);
  }
  return found;
}
