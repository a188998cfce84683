import type { OnnxGraph, OnnxModel, OnnxNode } from './model.js';
import { OnnxError } from './onnx-error.js';
import { subgraphsOf } from './subgraphs.js';

/** Names that can be used at a place: those of a graph and of the graphs around it. */
class Scope {
  readonly #names = new Set<string>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null) {
    this.#outer = outer;
  }

  add(name: string): void {
    this.#names.add(name);
  }

  hasOwn(name: string): boolean {
    return this.#names.has(name);
  }

  has(name: string): boolean {
    return this.#names.has(name) || this.#outer?.has(name) === true;
  }
}

/**
 * Throws OnnxError unless the nodes of all graphs are in topological order, every value is made once, every
 * output is made, and no two nodes of a graph have the same name.
 */
export function checkModel(model: OnnxModel): void {
  checkGraph(model.graph, null);
}

function checkGraph(graph: OnnxGraph, outer: Scope | null): void {
  const scope = new Scope(outer);
  for (const { name } of graph.inputs) define(scope, name, 'input');
  // Initializers may be defaults of inputs, and a second one of the same name replaces the first.
  for (const { name } of graph.initializers) scope.add(name);
  for (const { values } of graph.sparseInitializers) scope.add(values.name);
  const nodeNames = new Set<string>();
  for (const node of graph.nodes) {
    if (node.name !== '' && nodeNames.has(node.name))
      throw new OnnxError(`two nodes are named '${node.name}'`);
    nodeNames.add(node.name);
    for (const name of node.inputs) {
      if (name !== '' && !scope.has(name)) {
        throw new OnnxError(`${nodeText(node)} takes '${name}', which nothing makes before it`);
      }
    }
    for (const inner of subgraphsOf(node)) checkGraph(inner, scope);
    for (const name of node.outputs) if (name !== '') define(scope, name, nodeText(node));
  }
  for (const { name } of graph.outputs) {
    if (!scope.has(name)) throw new OnnxError(`nothing makes the output '${name}'`);
  }
}

function define(scope: Scope, name: string, by: string): void {
  if (scope.hasOwn(name)) throw new OnnxError(`'${name}' is made twice, the second time by ${by}`);
  scope.add(name);
}

/** A node in an error text. */
export function nodeText({ name, opType, outputs }: OnnxNode): string {
  return name === '' ? `the ${opType} that makes '${outputs[0] ?? ''}'` : `${opType} '${name}'`;
}
