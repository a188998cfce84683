import { putInitializers, removeDead } from '../../onnx/edit-graph.js';
import { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { canRaiseOpset, withIrVersion, withOpset } from '../../onnx/opset.js';
import { keptReport } from '../kept-report.js';
import type { LayerReport, MethodContext, QuantizeMethod, Rewritten } from '../method.js';
import { refuseQuantized } from '../quantized-operators.js';
import { nameOf } from '../static/selection.js';
import { WeightError } from '../weights/columns.js';
import { knownFacts } from '../weights/known-facts.js';
import { tensorBytes } from '../weights/weight-layer.js';
import { type HalfPlan, planHalf } from './half-plan.js';
import { HalfWriter } from './half-writer.js';

/** IR versions before this one have no initializers but inputs. */
const IR_VERSION_MIN = 4;

/**
 * Half precision for all nodes that have kernels and numbers for it; inputs and outputs of the model stay what
 * they were. Besides the specification it goes by constants and, where the context has them, ranges beyond 65504.
 */
export const fp16: QuantizeMethod = (model, context) => {
  refuseQuantized(model);
  return toHalfPrecision(model, context);
};

/**
 * `method`, whose result computes in half precision: weights in few bits, for GPUs that are fast with halves and
 * have no kernels for integers. The specification's selection is the method's; all the rest becomes halves.
 */
export function inHalfPrecision(method: QuantizeMethod): QuantizeMethod {
  return (model, context) => {
    const { model: quantized, layers, expectedKernels } = method(model, context);
    const everything = { include: [], exclude: [], keepFirst: false, keepLast: false };
    const half = toHalfPrecision(quantized, { ...context, spec: { ...context.spec, ...everything } });
    const known = new Set(layers.map(({ node }) => node));
    const former = new Set(model.graph.nodes.map(nameOf));
    const others = half.layers.filter(({ node }) => former.has(node) && !known.has(node));
    return { model: half.model, layers: [...layers, ...others], expectedKernels };
  };
}

function toHalfPrecision(original: OnnxModel, context: MethodContext): Rewritten {
  const modern = withIrVersion(original, IR_VERSION_MIN);
  let { model, view, plan } = planned(modern, context);
  const opset = [...plan.newerOpsets]
    .sort((a, b) => b - a)
    .find((version) => canRaiseOpset(modern, version, knownFacts(modern, context)).ok);
  if (opset !== undefined) {
    ({ model, view, plan } = planned(withOpset(modern, '', opset, knownFacts(modern, context)), context));
  }
  if (plan.halves.size === 0) {
    const reasons = [...new Set(plan.floats.values())].filter((reason) => reason !== '').join('; ');
    throw new Error(`nothing of the model can be quantized: ${reasons || 'it has no floats'}`);
  }
  const writer = new HalfWriter(model, view, plan);
  const reports = new Reports(view, plan, writer);
  for (const node of model.graph.nodes) {
    writer.add(node);
    reports.add(node);
  }
  for (const { name } of model.graph.outputs) writer.giveOut(name);
  const graph = removeDead(putInitializers({ ...model.graph, nodes: writer.nodes }, writer.tensors));
  return { model: { ...model, graph }, layers: reports.layers, expectedKernels: new Map() };
}

function planned(
  model: OnnxModel,
  context: MethodContext,
): { model: OnnxModel; view: GraphView; plan: HalfPlan } {
  const view = new GraphView(model);
  return { model, view, plan: planHalf(model, view, context) };
}

/** What became of the nodes, weights that several of them have being counted once. */
class Reports {
  readonly layers: LayerReport[] = [];
  readonly #view: GraphView;
  readonly #plan: HalfPlan;
  readonly #writer: HalfWriter;
  readonly #counted = new Set<string>();

  constructor(view: GraphView, plan: HalfPlan, writer: HalfWriter) {
    this.#view = view;
    this.#plan = plan;
    this.#writer = writer;
  }

  add(node: OnnxNode): void {
    const reason = this.#plan.floats.get(node) ?? '';
    if (this.#plan.halves.has(node)) this.#addHalf(node);
    else if (reason !== '') this.#addKept(node, reason);
  }

  /** Only nodes that hold weights. */
  #addHalf(node: OnnxNode): void {
    const constants = node.inputs.flatMap((name) => this.#writer.constant(name, node) ?? []);
    if (!constants.some(({ tensor }) => tensor.dims.length > 1)) return;
    const error = new WeightError();
    let bytes = 0;
    for (const { tensor, half } of constants) {
      error.add(half.squares, half.errorSquares);
      if (this.#count(tensor.name)) bytes += tensorBytes(tensor);
    }
    this.layers.push({
      node: nameOf(node),
      opType: node.opType,
      outcome: 'quantized',
      reason: '',
      weightBytesBefore: bytes,
      weightBytesAfter: bytes / 2,
      weightError: error.relative,
    });
  }

  #addKept(node: OnnxNode, reason: string): void {
    let bytes = 0;
    for (const name of node.inputs) {
      const tensor = this.#plan.isFloat(name) ? this.#view.constantOf(name) : null;
      if (tensor !== null && this.#count(tensor.name)) bytes += tensorBytes(tensor);
    }
    this.layers.push(keptReport(node, bytes, reason));
  }

  #count(tensor: string): boolean {
    const isNew = !this.#counted.has(tensor);
    this.#counted.add(tensor);
    return isNew;
  }
}
