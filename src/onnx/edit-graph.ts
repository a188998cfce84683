import type { OnnxGraph, OnnxNode, OnnxTensor } from './model.js';
import { sortNodes } from './sort-nodes.js';
import { definedNames, mapSubgraphs, outerNames } from './subgraphs.js';
import { renamedTensor } from './tensor.js';

/** `graph` with each of some nodes replaced, where it stands, by others; [] leaves it out. */
export function replaceNodes(
  graph: OnnxGraph,
  replacements: ReadonlyMap<OnnxNode, readonly OnnxNode[]>,
): OnnxGraph {
  if (replacements.size === 0) return graph;
  return { ...graph, nodes: sortNodes(graph.nodes.flatMap((node) => replacements.get(node) ?? [node])) };
}

/** `graph` with more nodes, each before the first that uses what it makes. */
export function insertNodes(graph: OnnxGraph, nodes: readonly OnnxNode[]): OnnxGraph {
  return nodes.length === 0 ? graph : { ...graph, nodes: sortNodes([...graph.nodes, ...nodes]) };
}

/** `graph` with more initializers; those of the same name are replaced. */
export function putInitializers(graph: OnnxGraph, tensors: readonly OnnxTensor[]): OnnxGraph {
  const added = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const former = graph.initializers.filter(({ name }) => !added.has(name));
  return { ...graph, initializers: [...former, ...added.values()] };
}

/**
 * `graph` without nodes that make nothing anybody uses, and without the initializers and value infos that are
 * left over. Inputs stay, and with them initializers that are their defaults.
 */
export function removeDead(graph: OnnxGraph): OnnxGraph {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const live = new Set<OnnxNode>();
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => used.has(name))) continue;
    live.add(node);
    for (const name of node.inputs) used.add(name);
    for (const name of outerNames(node)) used.add(name);
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const isKept = (name: string): boolean => used.has(name) || inputs.has(name);
  const nodes = graph.nodes.filter((node) => live.has(node));
  const initializers = graph.initializers.filter(({ name }) => isKept(name));
  const sparseInitializers = graph.sparseInitializers.filter(({ values }) => isKept(values.name));
  const kept = { ...graph, nodes, initializers, sparseInitializers };
  const defined = definedNames(kept);
  return { ...kept, valueInfos: graph.valueInfos.filter(({ name }) => defined.has(name)) };
}

/** Former names of values and what they are called from now on. */
export type NewNames = ReadonlyMap<string, string>;

/**
 * `graph` where some values have other names: where they are made, in all uses, also by graphs inside nodes, and
 * in value infos. The graph's own inputs and outputs keep their names, since callers know them: of those the
 * caller of this function makes the output anew, or feeds the new name from the input.
 */
export function renameValues(graph: OnnxGraph, names: NewNames): OnnxGraph {
  const { nodes, ...rest } = redirectUses(graph, names);
  return {
    ...rest,
    nodes: nodes.map((node) => withNames(node, 'outputs', names)),
    initializers: rest.initializers.map((tensor) => renamed(tensor, names)),
    sparseInitializers: rest.sparseInitializers.map((each) => {
      const values = renamed(each.values, names);
      return values === each.values ? each : { ...each, values };
    }),
    valueInfos: rest.valueInfos.map((info) => {
      const name = names.get(info.name);
      return name === undefined ? info : { ...info, name };
    }),
  };
}

/** `graph` where nodes, by default all, use the new name of a value; what is made keeps its name. */
export function redirectUses(
  graph: OnnxGraph,
  names: NewNames,
  which: (node: OnnxNode) => boolean = () => true,
): OnnxGraph {
  return { ...graph, nodes: graph.nodes.map((node) => (which(node) ? redirected(node, names) : node)) };
}

function redirected(node: OnnxNode, names: NewNames): OnnxNode {
  const outer = withNames(node, 'inputs', names);
  return mapSubgraphs(outer, (graph) => inside(graph, names));
}

/** A graph inside a node: it may pass an outer value through, and its own names hide outer ones. */
function inside(graph: OnnxGraph, names: NewNames): OnnxGraph {
  const own = definedNames(graph);
  const outer = new Map([...names].filter(([from]) => !own.has(from)));
  if (outer.size === 0) return graph;
  const nodes = graph.nodes.map((node) => redirected(node, outer));
  const outputs = graph.outputs.map((info) => ({ ...info, name: outer.get(info.name) ?? info.name }));
  const isSame = nodes.every((node, index) => node === graph.nodes[index]);
  return isSame && !graph.outputs.some(({ name }) => outer.has(name)) ? graph : { ...graph, nodes, outputs };
}

function renamed(tensor: OnnxTensor, names: NewNames): OnnxTensor {
  const name = names.get(tensor.name);
  return name === undefined ? tensor : renamedTensor(tensor, name);
}

function withNames(node: OnnxNode, side: 'inputs' | 'outputs', names: NewNames): OnnxNode {
  if (!node[side].some((name) => names.has(name))) return node;
  return { ...node, [side]: node[side].map((name) => names.get(name) ?? name) };
}
