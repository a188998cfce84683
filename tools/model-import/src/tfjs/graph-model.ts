import { readSourceFile, readSourceText } from '../source-file.ts';
import type { NetSource } from '../sources.ts';
import { NodeAttributes, type RawAttributes } from './node-attributes.ts';
import { readWeights, type Tensor, type WeightsManifest } from './weights.ts';

/** One node of a TensorFlow graph. An input is the name of a node, or `name:index` for one of its later outputs. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: NodeAttributes;
}

/** A TensorFlow.js graph model: its nodes by name, and the tensors of its `Const` nodes. */
export interface GraphModel {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly constants: ReadonlyMap<string, Tensor>;
}

interface GraphModelJson {
  readonly modelTopology: { readonly node: readonly NodeJson[] };
  readonly weightsManifest: WeightsManifest;
}

interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: RawAttributes;
}

export function readGraphModel(source: NetSource): GraphModel {
  const json: GraphModelJson = JSON.parse(readSourceText(source.description));
  const nodes = json.modelTopology.node.map((item) => toGraphNode(item));
  return {
    nodes: new Map(nodes.map((node) => [node.name, node])),
    constants: readWeights(json.weightsManifest, readSourceFile(source.weights)),
  };
}

function toGraphNode(json: NodeJson): GraphNode {
  return {
    name: json.name,
    op: json.op,
    // A leading ^ only orders the execution; no data flows.
    inputs: (json.input ?? []).filter((input) => !input.startsWith('^')),
    attributes: new NodeAttributes(json.name, json.attr ?? {}),
  };
}

/** Splits `name:index` into the node and the number of its output. */
export function parseReference(reference: string): { readonly name: string; readonly output: number } {
  const [name, output = '0'] = reference.split(':');
  return { name, output: Number(output) };
}
