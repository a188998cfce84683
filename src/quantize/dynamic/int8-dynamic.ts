import { nodeOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import { putInitializers, removeDead } from '../../onnx/edit-graph.js';
import { GraphView } from '../../onnx/graph-view.js';
import type { OnnxModel, OnnxNode } from '../../onnx/model.js';
import { withIrVersion, withOpset } from '../../onnx/opset.js';
import type { LayerReport, QuantizeMethod, Rewritten } from '../method.js';
import { refuseQuantized } from '../quantized-operators.js';
import { nameOf } from '../static/selection.js';
import { addGemmBias } from '../weights/gemm-bias.js';
import { PartsWriter } from '../weights/parts-writer.js';
import { tensorBytes, type WeightLayer } from '../weights/weight-layer.js';
import { planWeights, type WeightPlan } from '../weights/weight-plan.js';
import { type ColumnNumbers, quantizeColumns } from './column-numbers.js';

/** DynamicQuantizeLinear came with this opset. */
const OPSET_MIN = 11;
/** IR versions before this one have no initializers but inputs. */
const IR_VERSION_MIN = 4;

/**
 * Dynamic 8-bit quantization of MatMul and Gemm: weights signed with a scale for each column, inputs 0..255 with
 * a range of their own at every run. Nodes that take the same input share the numbers of it. Nodes are laid out
 * as ONNX Runtime joins them: one kernel that rounds its input itself, or one for several that rounds it before.
 */
export const int8Dynamic: QuantizeMethod = (original, context) => {
  refuseQuantized(original);
  const model = withOpset(withIrVersion(original, IR_VERSION_MIN), '', OPSET_MIN);
  const plan = planWeights(new GraphView(model), context, { rule: refuse, forMemory: false });
  const writing = new Writing(model, plan);
  for (const node of model.graph.nodes) writing.add(node);
  return writing.finish();
};

function refuse({ use, weight }: WeightLayer): string | null {
  if (use === 'filter') return 'convolutions are slower with integers whose range is found at every run';
  if (use === 'lookup') return 'there is nothing to compute in a table';
  return weight.dataType === DataType.float ? null : 'its weights are in half precision';
}

/** One rewriting of a graph: layers are replaced where they stand, all values keep their names. */
class Writing {
  readonly #model: OnnxModel;
  readonly #plan: WeightPlan;
  readonly #writer: PartsWriter;
  readonly #layers: LayerReport[] = [];
  /** Names of numbers, scale and zero point by the value that they stand for, and how many layers take them. */
  readonly #inputs = new Map<string, { readonly names: readonly string[]; layers: number }>();
  readonly #weights = new Map<
    string,
    { readonly names: readonly string[]; readonly weights: ColumnNumbers }
  >();

  constructor(model: OnnxModel, plan: WeightPlan) {
    this.#model = model;
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
    return { model: { ...this.#model, graph }, layers: this.#layers, expectedKernels: this.#kernels() };
  }

  /** A DynamicQuantizeLinear with one MatMulInteger behind it becomes one kernel with it. */
  #kernels(): ReadonlyMap<string, number> {
    const counts = [...this.#inputs.values()].map(({ layers }) => layers);
    const shared = counts.filter((layers) => layers > 1);
    const kernels: [string, number][] = [
      ['com.microsoft:DynamicQuantizeMatMul', counts.length - shared.length],
      ['com.microsoft:MatMulIntegerToFloat', shared.reduce((sum, layers) => sum + layers, 0)],
      ['DynamicQuantizeLinear', shared.length],
    ];
    return new Map(kernels.filter(([, count]) => count > 0));
  }

  #addLayer(layer: WeightLayer): void {
    const { node, input, bias } = layer;
    const output = node.outputs[0] ?? '';
    const [numbers = '', scale = '', zeroPoint = ''] = this.#inputOf(input);
    const [weights = '', weightScales = ''] = this.#weightsOf(layer);
    const value = (what: string): string => this.#writer.name(`${output}_${what}`);
    const add = (opType: string, inputs: readonly string[], made: string, parts = {}): string => {
      this.#writer.add(nodeOf(opType, inputs, [made], { name: value('node'), ...parts }));
      return made;
    };
    const product = bias === null ? output : value('product');
    const name = node.name === '' ? value('node') : node.name;
    const sums = add('MatMulInteger', [numbers, weights, zeroPoint], value('sums'), { name });
    const floats = add('Cast', [sums], value('floats'), { attributes: { to: DataType.float } });
    const scales = add('Mul', [scale, weightScales], value('scales'));
    add('Mul', [floats, scales], product);
    if (bias !== null) addGemmBias(product, bias, output, this.#writer);
  }

  #inputOf(input: string): readonly string[] {
    let found = this.#inputs.get(input);
    if (found === undefined) {
      const names = ['numbers', 'scale', 'zero_point'].map((what) => this.#writer.name(`${input}_${what}`));
      const name = this.#writer.name(`${input}_rounded`);
      this.#writer.add(nodeOf('DynamicQuantizeLinear', [input], names, { name }));
      found = { names, layers: 0 };
      this.#inputs.set(input, found);
    }
    found.layers++;
    return found.names;
  }

  /** Reports the layer, and writes its weights unless another layer has. */
  #weightsOf({ node, weight, layout }: WeightLayer): readonly string[] {
    const key = JSON.stringify([weight.name, layout]);
    let found = this.#weights.get(key);
    const isFirst = found === undefined;
    if (found === undefined) {
      const weights = quantizeColumns(weight, layout);
      const { depth, count } = layout;
      const names = [
        this.#writer.tensor(`${weight.name}_int8`, DataType.int8, [depth, count], weights.numbers),
        this.#writer.tensor(`${weight.name}_int8_scales`, DataType.float, [count], weights.scales),
      ];
      found = { names, weights };
      this.#weights.set(key, found);
    }
    const { numbers, scales, error } = found.weights;
    this.#layers.push({
      node: nameOf(node),
      opType: node.opType,
      outcome: 'quantized',
      reason: '',
      weightBytesBefore: isFirst ? tensorBytes(weight) : 0,
      weightBytesAfter: isFirst ? numbers.byteLength + scales.byteLength : 0,
      weightError: error,
    });
    return found.names;
  }
}
