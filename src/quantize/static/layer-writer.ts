import { withAttributes } from '../../onnx/attributes.js';
import { DataType } from '../../onnx/data-type.js';
import type { OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { floatsOf } from '../../onnx/tensor-values.js';
import type { LayerReport } from '../method.js';
import { quantizeBias } from './bias.js';
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

/** Writes the weights of layers into a graph: those that several layers share once. */
export class LayerWriter {
  readonly #writer: GraphWriter;
  readonly #written = new Map<string, WrittenWeights[]>();

  constructor(writer: GraphWriter) {
    this.#writer = writer;
  }

  /**
   * The layer's node with quantized weights, taking `input`, whose numbers have `inputScale`, and giving
   * `output`. Throws Error when its weights or bias hold NaN or infinities.
   */
  write(
    layer: Layer,
    input: string,
    inputScale: number,
    output: string,
  ): { node: OnnxNode; report: LayerReport } {
    const { node } = layer;
    const bias = layer.bias === null ? null : scaled(finiteFloats(layer.bias), layer.biasFactor);
    const weights = this.#weights(layer, bias?.map((value) => value / inputScale) ?? null);
    const inputs = [input, weights.value];
    if (bias !== null && layer.bias !== null) {
      inputs.push(this.#bias(layer.bias.name, bias, inputScale, weights));
    }
    const plain = layer.weightFactor !== 1 || layer.biasFactor !== 1;
    const neutral = plain ? withAttributes(node, { alpha: { float: 1 }, beta: { float: 1 } }) : node;
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

  #weights(layer: Layer, bias: Float32Array | null): WrittenWeights {
    const { weight, layout, channelAxis, weightFactor } = layer;
    const floats = scaled(finiteFloats(weight), weightFactor);
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
    const coding = writer.channelCoding(name, DataType.int8, scales);
    const value = writer.name(`${name}_dequantized`);
    writer.dequantize(tensor, value, coding, axis);
    return { ...weights, value, coding };
  }

  #bias(name: string, bias: Float32Array, inputScale: number, weights: QuantizedWeights): string {
    const writer = this.#writer;
    const { numbers, scales } = quantizeBias(bias, inputScale, weights.scales);
    const tensor = writer.tensor(`${name}_quantized`, DataType.int32, [numbers.length], numbers);
    const coding = writer.channelCoding(name, DataType.int32, scales);
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

function scaled(values: Float32Array, factor: number): Float32Array {
  return factor === 1 ? values : values.map((value) => value * factor);
}
