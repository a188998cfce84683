import type { OnnxNode } from './model.js';
import { outerNames } from './subgraphs.js';

/**
 * `nodes` in topological order; those that are in order already stay as they are, the very list if all are.
 * Nodes that wait for each other in a circle are left as they stand.
 */
export function sortNodes(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const makers = new Map<string, number>();
  for (const [index, { outputs }] of nodes.entries()) {
    for (const name of outputs) if (name !== '') makers.set(name, index);
  }
  const needs = nodes.map((node) => {
    const taken = node.attributes.length === 0 ? node.inputs : [...node.inputs, ...outerNames(node)];
    return taken.flatMap((name) => makers.get(name) ?? []);
  });
  if (needs.every((makersOf, index) => makersOf.every((maker) => maker < index))) return nodes;
  return visited(needs)?.map((index) => nodes[index] as OnnxNode) ?? nodes;
}

/** Indices in an order where each comes after what it needs; null when there is a circle. */
function visited(needs: readonly (readonly number[])[]): number[] | null {
  const order: number[] = [];
  const states = new Uint8Array(needs.length);
  const OPEN = 1;
  const DONE = 2;
  for (const first of needs.keys()) {
    // A stack of our own: chains may be as long as the graph.
    const stack = [first];
    while (stack.length > 0) {
      const index = stack[stack.length - 1] as number;
      if (states[index] === DONE) {
        stack.pop();
        continue;
      }
      const waiting = (needs[index] ?? []).filter((need) => states[need] !== DONE);
      if (waiting.length === 0) {
        states[index] = DONE;
        order.push(index);
        stack.pop();
        continue;
      }
      if (states[index] === OPEN) return null;
      states[index] = OPEN;
      for (const need of waiting.reverse()) stack.push(need);
    }
  }
  return order;
}
