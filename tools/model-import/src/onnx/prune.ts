import type { Initializer, Node, ValueInfo } from './model.ts';

export interface Graph {
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
}

/** Leaves out every node and constant that no output depends on. Nodes must be in the order in which they run. */
export function prune(graph: Graph, outputs: readonly ValueInfo[]): Graph {
  const needed = new Set(outputs.map((output) => output.name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) needed.add(input);
    nodes.unshift(node);
  }
  return { nodes, initializers: graph.initializers.filter((item) => needed.has(item.name)) };
}
