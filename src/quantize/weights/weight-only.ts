import type { QuantizationSpec } from '../../model-config/quantization.js';
import { putInitializers, removeDead } from '../../onnx/edit-graph.js';
import { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { canRaiseOpset, opsetOf, withIrVersion, withOpset } from '../../onnx/opset.js';
import type { LayerReport, MethodContext, QuantizeMethod, Rewritten } from '../method.js';
import { refuseQuantized } from '../quantized-operators.js';
import { nameOf } from '../static/selection.js';
import { codeBookFormat } from './code-book-format.js';
import { columnsOf } from './columns.js';
import { addGemmBias } from './gemm-bias.js';
import { integerFormat } from './integer-format.js';
import { knownFacts } from './known-facts.js';
import { PartsWriter } from './parts-writer.js';
import { CONTRIB_DOMAIN, CONTRIB_VERSION, type WeightFormat, type WrittenWeights } from './weight-format.js';
import { tensorBytes, type WeightLayer } from './weight-layer.js';
import { planWeights, type WeightPlan } from './weight-plan.js';

/** 8-bit weights in blocks, computed in floats. */
export const int8Weight: QuantizeMethod = (model, context) =>
  quantizeWeightsOnly(model, context, integers(8, context.spec));

/** 4-bit weights in blocks, computed in floats. */
export const int4Weight: QuantizeMethod = (model, context) =>
  quantizeWeightsOnly(model, context, integers(4, context.spec));

/** Weights as 4-bit numbers on the levels of a normal distribution. */
export const nf4: QuantizeMethod = (model, context) =>
  quantizeWeightsOnly(model, context, codeBookFormat('nf4', context.spec.blockSize));

/** Weights as 4-bit floats. */
export const fp4: QuantizeMethod = (model, context) =>
  quantizeWeightsOnly(model, context, codeBookFormat('fp4', context.spec.blockSize));

function integers(bits: 4 | 8, { blockSize, symmetric }: QuantizationSpec): WeightFormat {
  return integerFormat({ bits, blockSize, symmetric });
}

/** IR versions before this one have no initializers but inputs. */
const IR_VERSION_MIN = 4;

function quantizeWeightsOnly(original: OnnxModel, context: MethodContext, format: WeightFormat): Rewritten {
  refuseQuantized(original);
  const { model, plan } = planWithOpset(withIrVersion(original, IR_VERSION_MIN), context, format);
  const writing = new Writing(model, format, plan);
  for (const node of model.graph.nodes) writing.add(node);
  return writing.finish();
}

/** The plan, and the model with the opset that it needs; what would need one out of reach is kept. */
function planWithOpset(
  model: OnnxModel,
  context: MethodContext,
  format: WeightFormat,
): { model: OnnxModel; plan: WeightPlan } {
  const facts = knownFacts(model, context);
  const before = opsetOf(model, '') ?? 0;
  const answers = new Map<number, string | null>();
  const refuseOpset = (version: number): string | null => {
    let answer = answers.get(version);
    if (answer === undefined) {
      const raised = version <= before ? ({ ok: true } as const) : canRaiseOpset(model, version, facts);
      answer = raised.ok ? null : raised.reason;
      answers.set(version, answer);
    }
    return answer;
  };
  const rule = (layer: WeightLayer): string | null =>
    format.refuse(layer) ?? refuseOpset(format.opsetOf(layer));
  const options = { rule, forMemory: true };
  const plan = planWeights(new GraphView(model), context, options);
  const needed = Math.max(...[...plan.layers.values()].map((layer) => format.opsetOf(layer)));
  if (needed <= before) return { model, plan };
  const raised = withOpset(model, '', needed, facts);
  return { model: raised, plan: planWeights(new GraphView(raised), context, options) };
}

/** One rewriting of a graph: layers are replaced where they stand, all values keep their names. */
class Writing {
  readonly #model: OnnxModel;
  readonly #format: WeightFormat;
  readonly #plan: WeightPlan;
  readonly #writer: PartsWriter;
  readonly #layers: LayerReport[] = [];
  readonly #kernels = new Map<string, number>();
  /** By what they are made of: weights that several layers share. */
  readonly #weights = new Map<string, WrittenWeights>();
  /** Names of filters in floats, by their weights. */
  readonly #filters = new Map<WrittenWeights, string>();

  constructor(model: OnnxModel, format: WeightFormat, plan: WeightPlan) {
    this.#model = model;
    this.#format = format;
    this.#plan = plan;
    this.#writer = new PartsWriter(model);
  }

  add(node: OnnxNode): void {
    const layer = this.#plan.layers.get(node);
    if (layer !== undefined) {
      this.#addLayer(layer);
      return;
    }
    this.#writer.add(node);
    const kept = this.#plan.kept.get(node);
    if (kept !== undefined) this.#layers.push(kept);
  }

  finish(): Rewritten {
    const { nodes, tensors } = this.#writer;
    const graph = removeDead(putInitializers({ ...this.#model.graph, nodes }, tensors));
    return {
      model: withOpset({ ...this.#model, graph }, CONTRIB_DOMAIN, CONTRIB_VERSION),
      layers: this.#layers,
      expectedKernels: this.#kernels,
    };
  }

  #addLayer(layer: WeightLayer): void {
    const { node, use } = layer;
    const weights = this.#weightsOf(layer);
    if (use === 'filter') this.#addFilter(layer, weights);
    else {
      const output = node.outputs[0] ?? '';
      const product = layer.bias === null ? output : this.#writer.name(`${output}_product`);
      const name = node.name === '' ? this.#writer.name(output) : node.name;
      this.#format.writeNodes(layer, weights, product, name, this.#writer);
      this.#count(layer);
      if (layer.bias !== null) addGemmBias(product, layer.bias, output, this.#writer);
    }
  }

  #addFilter(layer: WeightLayer, weights: WrittenWeights): void {
    let filter = this.#filters.get(weights);
    if (filter === undefined) {
      filter = this.#writer.name(`${layer.weight.name}_floats`);
      const name = this.#writer.name(`${filter}_made`);
      this.#format.writeNodes(layer, weights, filter, name, this.#writer);
      this.#filters.set(weights, filter);
      this.#count(layer);
    }
    const [input = '', , ...others] = layer.node.inputs;
    this.#writer.add({ ...layer.node, inputs: [input, filter, ...others] });
  }

  /** Reports the layer, and writes its weights unless another layer has. */
  #weightsOf(layer: WeightLayer): WrittenWeights {
    const { node, weight, layout, use } = layer;
    const key = JSON.stringify([weight.name, use, layout]);
    const known = this.#weights.get(key);
    const weights = known ?? this.#format.writeWeights(layer, columnsOf(weight, layout), this.#writer);
    this.#weights.set(key, weights);
    this.#layers.push({
      node: nameOf(node),
      opType: node.opType,
      outcome: 'quantized',
      reason: '',
      weightBytesBefore: known === undefined ? tensorBytes(weight) : 0,
      weightBytesAfter: known === undefined ? this.#format.bytesOf(layer) : 0,
      weightError: weights.error,
    });
    return weights;
  }

  #count(layer: WeightLayer): void {
    const kernel = this.#format.kernelOf(layer);
    this.#kernels.set(kernel, (this.#kernels.get(kernel) ?? 0) + 1);
  }
}
