import { invariant } from '../../lib/invariant.js';
import { DataType } from '../../onnx/data-type.js';
import { putInitializers, removeDead } from '../../onnx/edit-graph.js';
import type { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { UniqueNames } from '../../onnx/unique-names.js';
import { keptReport } from '../kept-report.js';
import type { LayerReport, Rewritten } from '../method.js';
import { type Affine, affineOf, quantizeValue } from './affine.js';
import { type Coding, GraphWriter } from './graph-writer.js';
import { LayerWriter } from './layer-writer.js';
import { combiningForm, isMeasuring, isQuantizedUnasked, paddingOf, scalarOf } from './operators.js';
import type { Plan, Role } from './plan.js';
import { nameOf } from './selection.js';

/** Which kernels layers become: with numbers as their result, and with floats. */
const LAYER_KERNELS: Readonly<Record<string, readonly [numbers: string, floats: string]>> = {
  Conv: ['QLinearConv', 'QLinearConv'],
  MatMul: ['QLinearMatMul', 'MatMulIntegerToFloat'],
  Gemm: ['QGemm', 'QGemm'],
};

/**
 * Carries out `plan`: nodes that compute in numbers get DequantizeLinear before and QuantizeLinear behind them,
 * which ONNX Runtime makes one kernel of. Every value keeps its name, so whatever stays in floats, the outputs
 * and graphs inside nodes find what they take. `affines` has a coding for each of the plan's ranges; `means` the
 * channel means of what layers take, as far as they are known.
 * Throws Error when weights hold NaN or infinities, naming the tensor.
 */
export function rewrite(
  model: OnnxModel,
  view: GraphView,
  plan: Plan,
  affines: ReadonlyMap<string, Affine>,
  means: ReadonlyMap<string, Float32Array>,
  channels: (value: string) => number | null,
): Rewritten {
  const rewriting = new Rewriting(model, view, plan, { affines, means, channels });
  for (const node of model.graph.nodes) rewriting.add(node);
  return rewriting.finish();
}

interface Known {
  readonly affines: ReadonlyMap<string, Affine>;
  readonly means: ReadonlyMap<string, Float32Array>;
  readonly channels: (value: string) => number | null;
}

class Rewriting {
  readonly #layers: LayerReport[] = [];
  readonly #kernels = new Map<string, number>();
  readonly #model: OnnxModel;
  readonly #view: GraphView;
  readonly #plan: Plan;
  readonly #known: Known;
  readonly #writer: GraphWriter;
  readonly #layerWriter: LayerWriter;
  /** Names of the numbers of a value that a node gives as numbers. */
  readonly #numbers = new Map<string, string>();
  /** By the name of a float: what nodes that take numbers read in its place. */
  readonly #rounded = new Map<string, string>();
  /** By the name of a value: its floats for nodes that stay in floats though ONNX Runtime knows better. */
  readonly #byChannel = new Map<string, string>();
  readonly #nodeNames: Set<string>;

  constructor(model: OnnxModel, view: GraphView, plan: Plan, known: Known) {
    this.#model = model;
    this.#view = view;
    this.#plan = plan;
    this.#known = known;
    this.#writer = new GraphWriter(new UniqueNames(model));
    this.#layerWriter = new LayerWriter(this.#writer);
    this.#nodeNames = new Set(model.graph.nodes.map(({ name }) => name));
  }

  add(node: OnnxNode): void {
    const role = this.#plan.roles.get(node);
    if (role === undefined) this.#addAsItIs(node);
    else if (role.kind === 'layer') this.#addLayer(node, role);
    else if (role.kind === 'combine') this.#addCombining(node, role);
    else if (role.kind === 'move') this.#addMoving(node);
  }

  finish(): Rewritten {
    const { nodes, tensors } = this.#writer;
    const graph = removeDead(putInitializers({ ...this.#model.graph, nodes }, tensors));
    return {
      model: { ...this.#model, graph },
      layers: this.#layers,
      expectedKernels: this.#kernels,
    };
  }

  #addAsItIs(node: OnnxNode): void {
    const reason = this.#plan.kept.get(node);
    if (reason !== undefined) {
      const bytes = this.#view.constantOf(node.inputs[1] ?? '')?.data.length ?? 0;
      this.#layers.push(keptReport(node, bytes, reason));
    }
    this.#writer.add({ ...node, inputs: node.inputs.map((name) => this.#takeAsItIs(node, name)) });
  }

  /** What a node that stays in floats reads as `value`. */
  #takeAsItIs(node: OnnxNode, value: string): string {
    const numbers = this.#numbers.get(value);
    if (numbers === undefined) return value;
    // Numbers have the shape of their floats, which then need not be made for it.
    if (isMeasuring(node)) return numbers;
    if (!isQuantizedUnasked(node)) return value;
    const channels = this.#known.channels(value);
    if (channels === null) return value;
    return this.#dequantizeByChannel(value, numbers, channels);
  }

  /**
   * The floats of `value` by a DequantizeLinear that has a scale for each channel, all the same. ONNX Runtime
   * makes 8-bit kernels of whatever it finds between numbers with one scale: it would quantize the weights of
   * layers that are to stay in floats by itself, coarsely.
   */
  #dequantizeByChannel(value: string, numbers: string, channels: number): string {
    let floats = this.#byChannel.get(value);
    if (floats === undefined) {
      const { scale, zeroPoint } = this.#affineOf(value);
      const coding = this.#writer.channelCoding(
        `${value}_by_channel`,
        new Float32Array(channels).fill(scale),
        new Uint8Array(channels).fill(zeroPoint),
      );
      floats = this.#writer.name(`${value}_by_channel`);
      this.#writer.dequantize(numbers, floats, coding, 1);
      this.#byChannel.set(value, floats);
    }
    return floats;
  }

  #addLayer(node: OnnxNode, { layer, result, floats }: Role & { kind: 'layer' }): void {
    const value = node.inputs[0] ?? '';
    const input = {
      value: this.#take(value),
      scale: this.#affineOf(value).scale,
      means: this.#known.means.get(value) ?? null,
    };
    const output = floats ? (node.outputs[0] ?? '') : this.#writer.name(`${result.value}_float`);
    const named = { ...layer, node: this.#named(node) };
    const written = this.#layerWriter.write(named, input, output);
    this.#writer.add(written.node);
    this.#layers.push({ ...written.report, node: nameOf(node) });
    this.#count(LAYER_KERNELS[node.opType]?.[floats ? 1 : 0] ?? '');
    if (!floats) this.#give(output, result.value);
  }

  #addCombining(node: OnnxNode, { kernel, result }: Role & { kind: 'combine' }): void {
    const output = this.#writer.name(`${result.value}_float`);
    const form = combiningForm(this.#named(node), this.#view);
    const inputs = form.inputs.map((name) => (name === '' ? '' : this.#take(name)));
    this.#writer.add({ ...form, inputs, outputs: [output] });
    this.#count(kernel);
    this.#give(output, result.value);
  }

  /** The node works on the numbers themselves: what they mean stays the same. */
  #addMoving(node: OnnxNode): void {
    const source = node.inputs[0] ?? '';
    const coding = this.#codingOf(source);
    const inputs = [this.#numbers.get(source) ?? '', ...node.inputs.slice(1)];
    if (node.opType === 'Pad') {
      const padding = paddingOf(node, this.#view);
      if (typeof padding === 'number') {
        const number = quantizeValue(padding, this.#affineOf(source));
        const name = `${nameOf(node)}_padding`;
        inputs[2] = this.#writer.tensor(name, DataType.uint8, [], Uint8Array.of(number));
      }
    }
    const outputs = node.outputs.map((value) => {
      const numbers = this.#writer.name(`${value}_quantized`);
      this.#numbers.set(value, numbers);
      return numbers;
    });
    this.#writer.add({ ...this.#named(node), inputs, outputs });
    node.outputs.forEach((value, index) => {
      this.#writer.dequantize(outputs[index] ?? '', value, coding);
    });
  }

  /** What a node that takes numbers reads as `value`. */
  #take(value: string): string {
    // The value of this name comes from DequantizeLinear.
    if (this.#numbers.has(value)) return value;
    let taken = this.#rounded.get(value);
    if (taken === undefined) {
      taken = this.#writer.name(`${value}_dequantized`);
      this.#rounded.set(value, taken);
      const scalar = scalarOf(value, this.#view);
      if (scalar === null) {
        const numbers = this.#writer.name(`${value}_quantized`);
        const coding = this.#codingOf(value);
        this.#writer.quantize(value, numbers, coding);
        this.#writer.dequantize(numbers, taken, coding);
      } else this.#addScalar(value, scalar, taken);
    }
    return taken;
  }

  /** A constant as a number: with a scale of its own it is the last or the first one, and nothing is lost. */
  #addScalar(value: string, scalar: number, output: string): void {
    const affine = affineOf({ min: Math.min(0, scalar), max: Math.max(0, scalar) });
    const dims = this.#view.constantOf(value)?.dims ?? [];
    const number = Uint8Array.of(quantizeValue(scalar, affine));
    const numbers = this.#writer.tensor(`${value}_quantized`, DataType.uint8, dims, number);
    this.#writer.dequantize(numbers, output, this.#writer.coding(value, affine));
  }

  /** Rounds the float `raw` to the numbers of `value`. */
  #give(raw: string, value: string): void {
    const numbers = this.#writer.name(`${value}_quantized`);
    const coding = this.#codingOf(value);
    this.#numbers.set(value, numbers);
    this.#writer.quantize(raw, numbers, coding);
    this.#writer.dequantize(numbers, value, coding);
  }

  #codingOf(value: string): Coding {
    return this.#writer.coding(this.#sourceOf(value), this.#affineOf(value));
  }

  #affineOf(value: string): Affine {
    const affine = this.#known.affines.get(this.#sourceOf(value));
    invariant(affine !== undefined, `the plan has no range for '${value}'`);
    return affine;
  }

  #sourceOf(value: string): string {
    return this.#plan.numbers.get(value) ?? value;
  }

  /** Kernels are found again by the names of their nodes. */
  #named(node: OnnxNode): OnnxNode {
    if (node.name !== '') return node;
    let name = nameOf(node);
    while (this.#nodeNames.has(name)) name = this.#writer.name(name);
    this.#nodeNames.add(name);
    return { ...node, name };
  }

  #count(kernel: string): void {
    this.#kernels.set(kernel, (this.#kernels.get(kernel) ?? 0) + 1);
  }
}
