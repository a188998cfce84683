import { withAttributes } from '../../onnx/attributes.js';
import { DataType } from '../../onnx/data-type.js';
import type { OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { floatsOf } from '../../onnx/tensor-values.js';
import type { LayerReport } from '../method.js';
import { lostBias, quantizeBias } from './bias.js';
import type { Coding, GraphWriter } from './graph-writer.js';
import type { Layer } from './layer.js';
import { nameOf } from './selection.js';
import { type QuantizedWeights, quantizeWeights } from './weights.js';

/** Quantized weights as they stand in the graph. */
interface WrittenWeights extends QuantizedWeights {
  /** The value that gives them as floats. */
  readonly value: string;
  readonly coding: Coding;
}

/** The numbers that a layer takes. */
export interface LayerInput {
  /** Gives them as floats. */
  readonly value: string;
  readonly scale: number;
  /** Of their channels; null where they are not known. */
  readonly means: Float32Array | null;
}

/** Writes the weights of layers into a graph: those that several layers share once. */
export class LayerWriter {
  readonly #writer: GraphWriter;
  readonly #written = new Map<string, WrittenWeights[]>();

  constructor(writer: GraphWriter) {
    this.#writer = writer;
  }

  /**
   * The layer's node with quantized weights, taking `input`, and giving `output`. Throws Error when its weights or
   * bias hold NaN or infinities.
   */
  write(layer: Layer, input: LayerInput, output: string): { node: OnnxNode; report: LayerReport } {
    const { node } = layer;
    const floats = scaled(finiteFloats(layer.weight), layer.weightFactor);
    const ownBias = layer.bias === null ? null : scaled(finiteFloats(layer.bias), layer.biasFactor);
    const weights = this.#weights(layer, floats, ownBias?.map((value) => value / input.scale) ?? null);
    const inputs = [input.value, weights.value];
    const bias = correctedBias(layer, ownBias, lostBiasOf(layer, floats, weights, input));
    if (bias !== null) {
      const base = layer.bias?.name ?? `${layer.weight.name}_bias`;
      inputs.push(this.#bias(base, bias, input.scale, weights));
    }
    const scales = layer.weightFactor !== 1 || layer.biasFactor !== 1;
    const neutral = scales ? withAttributes(node, { alpha: { float: 1 }, beta: { float: 1 } }) : node;
    return {
      node: { ...neutral, inputs, outputs: [output] },
      report: {
        node: nameOf(node),
        opType: node.opType,
        outcome: 'quantized',
        reason: '',
        weightBytesBefore: layer.weight.data.length,
        weightBytesAfter: weights.numbers.length + weights.scales.byteLength,
        weightError: weights.error,
      },
    };
  }

  #weights(layer: Layer, floats: Float32Array, bias: Float32Array | null): WrittenWeights {
    const { weight, layout, channelAxis, weightFactor } = layer;
    const weights = quantizeWeights(floats, layout, bias);
    const key = `${channelAxis} ${weightFactor} ${weight.name}`;
    const former = this.#written.get(key) ?? [];
    const same = former.find(({ scales }) =>
      scales.every((scale, channel) => scale === weights.scales[channel]),
    );
    if (same !== undefined) return same;
    const written = this.#writeWeights(weight, channelAxis, weights);
    this.#written.set(key, [...former, written]);
    return written;
  }

  #writeWeights({ name, dims }: OnnxTensor, axis: number, weights: QuantizedWeights): WrittenWeights {
    const writer = this.#writer;
    const { numbers, scales } = weights;
    const tensor = writer.tensor(`${name}_quantized`, DataType.int8, dims, numbers);
    const coding = writer.channelCoding(name, scales);
    const value = writer.name(`${name}_dequantized`);
    writer.dequantize(tensor, value, coding, axis);
    return { ...weights, value, coding };
  }

  #bias(name: string, bias: Float32Array, inputScale: number, weights: QuantizedWeights): string {
    const writer = this.#writer;
    const { numbers, scales } = quantizeBias(bias, inputScale, weights.scales);
    const tensor = writer.tensor(`${name}_quantized`, DataType.int32, [numbers.length], numbers);
    const coding = writer.channelCoding(name, scales, new Int32Array(scales.length));
    const value = writer.name(`${name}_dequantized`);
    writer.dequantize(tensor, value, coding, 0);
    return value;
  }
}

/** The tensor's floats. Throws Error, naming it, when one of them is NaN or infinite. */
export function finiteFloats(tensor: OnnxTensor): Float32Array {
  const floats = floatsOf(tensor);
  if (!floats.every(Number.isFinite)) {
    throw new Error(`the tensor '${tensor.name}' holds NaN or infinities`);
  }
  return floats;
}

/** What the layer loses by the rounding of its weights; null where that is not known. */
function lostBiasOf(
  { layout }: Layer,
  floats: Float32Array,
  weights: QuantizedWeights,
  { means }: LayerInput,
): Float32Array | null {
  return means === null ? null : lostBias(floats, weights, layout, means);
}

/** The bias that makes up for what is lost, for layers that can have one. */
function correctedBias(
  { takesBias }: Layer,
  bias: Float32Array | null,
  lost: Float32Array | null,
): Float32Array | null {
  if (lost === null || !takesBias) return bias;
  return lost.map((value, channel) => value + (bias?.[channel] ?? 0));
}

function scaled(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((value) => value * factor);
}
