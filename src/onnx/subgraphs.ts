import type { OnnxGraph, OnnxNode } from './model.js';

const NONE: readonly OnnxGraph[] = [];

/** The graphs that a node runs (If, Loop, Scan): they may use values of the graph around them. */
export function subgraphsOf(node: OnnxNode): readonly OnnxGraph[] {
  if (!node.attributes.some(({ type }) => type === 'graph' || type === 'graphs')) return NONE;
  return node.attributes.flatMap((attribute) => {
    if (attribute.type === 'graph') return [attribute.value];
    return attribute.type === 'graphs' ? attribute.value : NONE;
  });
}

/** `node` with each of its graphs replaced; the very node when `change` gives back all of them. */
export function mapSubgraphs(node: OnnxNode, change: (graph: OnnxGraph) => OnnxGraph): OnnxNode {
  if (subgraphsOf(node).length === 0) return node;
  let isChanged = false;
  const changed = (graph: OnnxGraph): OnnxGraph => {
    const result = change(graph);
    isChanged ||= result !== graph;
    return result;
  };
  const attributes = node.attributes.map((attribute) => {
    if (attribute.type === 'graph') return { ...attribute, value: changed(attribute.value) };
    if (attribute.type === 'graphs') return { ...attribute, value: attribute.value.map(changed) };
    return attribute;
  });
  return isChanged ? { ...node, attributes } : node;
}

/** `graph` and all graphs inside it, outer ones first. */
export function* graphsWithin(graph: OnnxGraph): Generator<OnnxGraph> {
  yield graph;
  for (const node of graph.nodes) {
    for (const inner of subgraphsOf(node)) yield* graphsWithin(inner);
  }
}

/** Names of all values that `graph` itself defines. */
export function definedNames(graph: OnnxGraph): Set<string> {
  const names = new Set<string>();
  for (const { name } of graph.inputs) names.add(name);
  for (const { name } of graph.initializers) names.add(name);
  for (const { values } of graph.sparseInitializers) names.add(values.name);
  for (const { outputs } of graph.nodes) for (const name of outputs) if (name !== '') names.add(name);
  return names;
}

/** What the graphs of `node` take from the graph around it. */
export function outerNames(node: OnnxNode): ReadonlySet<string> {
  const names = new Set<string>();
  for (const graph of subgraphsOf(node)) addFreeNames(graph, names);
  return names;
}

/** Adds to `names` what `graph` uses and does not define. */
function addFreeNames(graph: OnnxGraph, names: Set<string>): void {
  const defined = definedNames(graph);
  const add = (name: string): void => {
    if (name !== '' && !defined.has(name)) names.add(name);
  };
  for (const node of graph.nodes) {
    for (const name of node.inputs) add(name);
    for (const name of outerNames(node)) add(name);
  }
  for (const { name } of graph.outputs) add(name);
}
