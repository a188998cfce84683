import { constantOfNode } from './constants.js';
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValueInfo } from './model.js';
import { outerNames } from './subgraphs.js';

/** One place where a value is used. */
export interface ValueUse {
  readonly node: OnnxNode;
  /** Which input of the node; null when graphs inside the node use it. */
  readonly input: number | null;
}

/** Since this IR version the initializer of an input is a default that a caller may override. */
const DEFAULTS_IR_VERSION = 4;
/** Identities that follow each other; nobody writes more. */
const IDENTITIES_MAX = 64;

const NO_USES: readonly ValueUse[] = [];

/**
 * What a rewrite asks about the graph of a model, which does not change: a rewritten model needs a view of its
 * own. Graphs inside nodes count as users of what they take from outside, and are not looked into otherwise.
 */
export class GraphView {
  readonly graph: OnnxGraph;
  readonly #producers = new Map<string, OnnxNode>();
  readonly #uses = new Map<string, ValueUse[]>();
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #infos = new Map<string, OnnxValueInfo>();
  readonly #inputs: ReadonlySet<string>;
  readonly #outputs: ReadonlySet<string>;
  readonly #hasDefaults: boolean;

  constructor({ graph, irVersion }: OnnxModel) {
    this.graph = graph;
    this.#hasDefaults = irVersion >= DEFAULTS_IR_VERSION;
    // Of two initializers of one name the later counts.
    for (const tensor of graph.initializers) this.#initializers.set(tensor.name, tensor);
    for (const info of [...graph.valueInfos, ...graph.inputs, ...graph.outputs])
      this.#infos.set(info.name, info);
    this.#inputs = new Set(
      graph.inputs
        .map(({ name }) => name)
        .filter((name) => this.#hasDefaults || !this.#initializers.has(name)),
    );
    this.#outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const node of graph.nodes) {
      for (const name of node.outputs) if (name !== '') this.#producers.set(name, node);
      for (const [input, name] of node.inputs.entries()) if (name !== '') this.#use(name, { node, input });
      for (const name of outerNames(node)) this.#use(name, { node, input: null });
    }
  }

  /** The node that makes `name`; null for inputs, initializers and unknown names. */
  producerOf(name: string): OnnxNode | null {
    return this.#producers.get(name) ?? null;
  }

  /** Every place where a node uses `name`, in the order of the nodes; the graph's outputs are not among them. */
  usesOf(name: string): readonly ValueUse[] {
    return this.#uses.get(name) ?? NO_USES;
  }

  /** The nodes that use `name`, each once. */
  consumersOf(name: string): readonly OnnxNode[] {
    return [...new Set(this.usesOf(name).map(({ node }) => node))];
  }

  /** The only node that uses `name`, at one place, when the graph does not give it out as well. */
  onlyConsumerOf(name: string): OnnxNode | null {
    const [use, ...others] = this.usesOf(name);
    return use === undefined || others.length > 0 || this.isGraphOutput(name) ? null : use.node;
  }

  /** Whether callers give this value: initializers that they can't override are no inputs. */
  isGraphInput(name: string): boolean {
    return this.#inputs.has(name);
  }

  isGraphOutput(name: string): boolean {
    return this.#outputs.has(name);
  }

  /** The initializer of this name, even where it is the default of an input. */
  initializer(name: string): OnnxTensor | null {
    return this.#initializers.get(name) ?? null;
  }

  /**
   * The tensor that `name` always is: an initializer, or what Constant, ConstantOfShape (up to 1 MiB) and
   * Identity nodes make of nothing else. null when it depends on an input, or on nodes that nobody computes here.
   */
  constantOf(name: string): OnnxTensor | null {
    let value = name;
    for (let step = 0; step < IDENTITIES_MAX; step++) {
      const initializer = this.#initializers.get(value);
      if (initializer !== undefined) return this.isGraphInput(value) ? null : initializer;
      const producer = this.#producers.get(value);
      if (producer === undefined || producer.domain !== '') return null;
      if (producer.opType !== 'Identity') {
        return constantOfNode(producer, (input) => (input === value ? null : this.constantOf(input)));
      }
      value = producer.inputs[0] ?? '';
    }
    return null;
  }

  /** Whether `initializer` is used at more than one place. */
  isShared(initializer: string): boolean {
    return this.usesOf(initializer).length + (this.isGraphOutput(initializer) ? 1 : 0) > 1;
  }

  /** What the file says of the value; see `valueFacts` for more. */
  infoOf(name: string): OnnxValueInfo | null {
    return this.#infos.get(name) ?? null;
  }

  #use(name: string, use: ValueUse): void {
    const uses = this.#uses.get(name);
    if (uses === undefined) this.#uses.set(name, [use]);
    else uses.push(use);
  }
}
