import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';
import { foldConstants } from './fold-constants.ts';
import { type GraphModel, type GraphNode, parseReference } from './graph-model.ts';
import { OPERATORS } from './operators/index.ts';
import type { Tensor } from './weights.ts';

/**
 * Adds a TensorFlow graph to an ONNX graph.
 * `inputs` gives the value that stands for each placeholder; the values of the nodes named by `outputs` come back in that order.
 */
export function convertGraph(
  model: GraphModel,
  graph: GraphBuilder,
  inputs: Readonly<Record<string, Value>>,
  outputs: readonly string[],
): Value[] {
  const conversion = new Conversion(foldConstants(model), graph, inputs);
  return outputs.map((output) => conversion.value(output));
}

/** Walks from the outputs back to the inputs, so that nodes come out in the order in which they run and unused ones not at all. */
class Conversion {
  readonly #model: GraphModel;
  readonly #graph: GraphBuilder;
  readonly #values: Map<string, readonly Value[]>;

  constructor(model: GraphModel, graph: GraphBuilder, inputs: Readonly<Record<string, Value>>) {
    this.#model = model;
    this.#graph = graph;
    this.#values = new Map(Object.entries(inputs).map(([name, value]) => [name, [value]]));
  }

  value(reference: string): Value {
    const { name, output } = parseReference(reference);
    let values = this.#values.get(name);
    if (values === undefined) {
      values = this.#convert(name);
      this.#values.set(name, values);
    }
    return values[output];
  }

  constant(reference: string): Tensor {
    const { name } = parseReference(reference);
    const constant = this.#model.constants.get(name);
    if (constant === undefined) throw new Error(`'${name}' must be a constant`);
    return constant;
  }

  #convert(name: string): readonly Value[] {
    const constant = this.#model.constants.get(name);
    if (constant !== undefined) return [this.#addConstant(constant)];
    const node = this.#model.nodes.get(name);
    if (node === undefined) throw new Error(`the graph has no node '${name}'`);
    return this.#convertNode(node);
  }

  #convertNode(node: GraphNode): readonly Value[] {
    const operator = OPERATORS[node.op];
    if (operator === undefined)
      throw new Error(`no conversion for the operator '${node.op}' of node '${node.name}'`);
    return operator({
      graph: this.#graph,
      attributes: node.attributes,
      inputCount: node.inputs.length,
      input: (index) => this.value(node.inputs[index]),
      constant: (index) => this.constant(node.inputs[index]),
    });
  }

  #addConstant({ data, shape }: Tensor): Value {
    return data instanceof Float32Array
      ? this.#graph.weights(data, shape)
      : this.#graph.constant(data, shape);
  }
}
