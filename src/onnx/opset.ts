import { floatScalar, floatsTensor, intsTensor } from './build.js';
import { nodeText } from './check-model.js';
import { DataType } from './data-type.js';
import { putInitializers } from './edit-graph.js';
import { GraphView } from './graph-view.js';
import type { OnnxDim, OnnxGraph, OnnxInt, OnnxModel, OnnxNode, OnnxTensor } from './model.js';
import { OnnxError } from './onnx-error.js';
import {
  type AdaptationPlace,
  OPSET_CHANGES,
  type OpsetChange,
  RAISED_OPSET_MAX,
  RAISED_OPSET_MIN,
} from './opset-changes.js';
import { graphsWithin, mapSubgraphs } from './subgraphs.js';
import { floatsOf } from './tensor-values.js';
import { UniqueNames } from './unique-names.js';
import { factsOf, type ValueFacts } from './value-facts.js';

/** The first opset of ONNX's own domain for which each IR version is needed. */
const IR_VERSIONS: readonly (readonly [opset: number, irVersion: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
  [9, 4],
];

/** Since this IR version an initializer need not be an input, and one that is, is a default. */
const FREE_INITIALIZERS_IR_VERSION = 4;

export type RaiseAnswer = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** The version that `model` imports of `domain`; null when it imports none. */
export function opsetOf(model: OnnxModel, domain: string): number | null {
  return model.opsets.find((opset) => opset.domain === domain)?.version ?? null;
}

/**
 * `model` with at least this version of `domain`, and with the IR version that it needs. ONNX's own domain is
 * raised node by node: what an operator got in another way is given in the new one, and where that is not the
 * same, OnnxError says why. `facts` tell of shapes what the file does not. Other domains are added, or
 * raised where no node is of them.
 */
export function withOpset(
  model: OnnxModel,
  domain: string,
  version: number,
  facts: ValueFacts = factsOf(model.graph),
): OnnxModel {
  const former = opsetOf(model, domain);
  if (former !== null && former >= version) return model;
  if (domain === '') return raised(model, former, version, facts);
  if (former === null) return { ...model, opsets: [...model.opsets, { domain, version }] };
  if (usesDomain(model, domain)) {
    throw new OnnxError(`the operators of ${domain} ${former} may mean something else in ${version}`);
  }
  return withVersion(model, domain, version);
}

/** Whether `withOpset` can raise ONNX's own domain to `version`, and if not, why. */
export function canRaiseOpset(model: OnnxModel, version: number, facts?: ValueFacts): RaiseAnswer {
  try {
    withOpset(model, '', version, facts);
    return { ok: true };
  } catch (error) {
    if (error instanceof OnnxError) return { ok: false, reason: error.message };
    throw error;
  }
}

/**
 * `model` with at least this IR version. Below 4 all initializers were inputs that nobody could give; they are
 * no inputs any more then.
 */
export function withIrVersion(model: OnnxModel, irVersion: number): OnnxModel {
  if (model.irVersion >= irVersion) return model;
  if (model.irVersion >= FREE_INITIALIZERS_IR_VERSION || irVersion < FREE_INITIALIZERS_IR_VERSION) {
    return { ...model, irVersion };
  }
  const { graph } = model;
  const initializers = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !initializers.has(name));
  return { ...model, irVersion, graph: { ...graph, inputs } };
}

function raised(model: OnnxModel, former: number | null, version: number, facts: ValueFacts): OnnxModel {
  if (former === null || former < RAISED_OPSET_MIN || version > RAISED_OPSET_MAX) {
    const known = `opsets from ${RAISED_OPSET_MIN} can be raised to at most ${RAISED_OPSET_MAX}`;
    throw new OnnxError(`opset ${former ?? 'without a number'} can't be raised to ${version}: ${known}`);
  }
  if (
    model.functions.some(({ opsets }) =>
      opsets.some(({ domain, version: own }) => domain === '' && own < version),
    )
  ) {
    throw new OnnxError(
      `opset ${former} can't be raised to ${version}: the model has functions of its own in it`,
    );
  }
  const irVersion = IR_VERSIONS.find(([opset]) => version >= opset)?.[1] ?? model.irVersion;
  const modern = withIrVersion(model, irVersion);
  const changes = OPSET_CHANGES.filter(({ since }) => since > former && since <= version);
  const raising = new Raising(modern, changes, facts);
  return withVersion({ ...modern, graph: raising.graph() }, '', version);
}

function withVersion(model: OnnxModel, domain: string, version: number): OnnxModel {
  const opsets = model.opsets.map((opset) => (opset.domain === domain ? { domain, version } : opset));
  return { ...model, opsets };
}

function usesDomain({ graph }: OnnxModel, domain: string): boolean {
  return [...graphsWithin(graph)].some(({ nodes }) => nodes.some((node) => node.domain === domain));
}

/** One raising of the graphs of a model; what nodes get as inputs lies in the outermost graph. */
class Raising implements AdaptationPlace {
  readonly #graph: OnnxGraph;
  readonly #view: GraphView;
  readonly #changes: readonly OpsetChange[];
  readonly #facts: ValueFacts;
  readonly #names: UniqueNames;
  readonly #added: OnnxTensor[] = [];

  constructor(model: OnnxModel, changes: readonly OpsetChange[], facts: ValueFacts) {
    this.#graph = model.graph;
    this.#view = new GraphView(model);
    this.#changes = changes;
    this.#facts = facts;
    this.#names = new UniqueNames(model);
  }

  graph(): OnnxGraph {
    const graph = this.#adaptGraph(this.#graph);
    return this.#added.length === 0 ? graph : putInitializers(graph, this.#added);
  }

  ints(base: string, values: readonly OnnxInt[]): string {
    return this.#add(intsTensor(this.#names.take(base), values));
  }

  float(base: string, value: number): string {
    return this.#add(floatScalar(this.#names.take(base), value));
  }

  floats(base: string, values: readonly number[]): string {
    return this.#add(floatsTensor(this.#names.take(base), values));
  }

  constantFloats(name: string): readonly number[] | null {
    const tensor = this.#added.find((each) => each.name === name) ?? this.#view.constantOf(name);
    return tensor?.dataType === DataType.float ? [...floatsOf(tensor)] : null;
  }

  shapeOf(name: string): readonly OnnxDim[] | null {
    return this.#facts.get(name)?.shape ?? null;
  }

  elemTypeOf(name: string): number {
    return this.#facts.get(name)?.elemType ?? DataType.undefined;
  }

  #add(tensor: OnnxTensor): string {
    this.#added.push(tensor);
    return tensor.name;
  }

  #adaptGraph(graph: OnnxGraph): OnnxGraph {
    const nodes = graph.nodes.map((node) => this.#adaptNode(node));
    return nodes.every((node, index) => node === graph.nodes[index]) ? graph : { ...graph, nodes };
  }

  #adaptNode(node: OnnxNode): OnnxNode {
    let adapted = mapSubgraphs(node, (graph) => this.#adaptGraph(graph));
    if (node.domain !== '') return adapted;
    for (const { since, opTypes, adapt } of this.#changes) {
      if (!opTypes.includes(adapted.opType)) continue;
      const answer = adapt(adapted, this);
      if (typeof answer === 'string') {
        throw new OnnxError(`${nodeText(node)} can't be raised to opset ${since}: it ${answer}`);
      }
      adapted = answer;
    }
    return adapted;
  }
}
