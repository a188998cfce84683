import { nodeOf, tensorOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import type { OnnxNode, OnnxTensor } from '../../onnx/model.js';
import type { UniqueNames } from '../../onnx/unique-names.js';
import type { Affine } from './affine.js';

/** Names of the tensors that say how numbers stand for reals. */
export interface Coding {
  readonly scale: string;
  readonly zeroPoint: string;
}

/** Collects the nodes and tensors of a rewritten graph, in order, each tensor once. */
export class GraphWriter {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #names: UniqueNames;
  readonly #codings = new Map<string, Coding>();

  constructor(names: UniqueNames) {
    this.#names = names;
  }

  /** A name for a value or node that is free. */
  name(base: string): string {
    return this.#names.take(base);
  }

  add(node: OnnxNode): void {
    this.nodes.push(node);
  }

  /** The tensor's name, which `base` is made free for. */
  tensor(base: string, dataType: number, dims: readonly number[], data: ArrayBufferView): string {
    const name = this.name(base);
    this.tensors.push(tensorOf(name, dataType, dims, data));
    return name;
  }

  /** Scale and zero point of all values whose range is that of `source`. */
  coding(source: string, { scale, zeroPoint }: Affine): Coding {
    let coding = this.#codings.get(source);
    if (coding === undefined) {
      coding = {
        scale: this.tensor(`${source}_scale`, DataType.float, [], Float32Array.of(scale)),
        zeroPoint: this.tensor(`${source}_zero_point`, DataType.uint8, [], Uint8Array.of(zeroPoint)),
      };
      this.#codings.set(source, coding);
    }
    return coding;
  }

  /**
   * Scales of channels with zero points in the type of the numbers, by default 0. Each tensor gets zero points of
   * its own: ONNX Runtime replaces them when it makes weights unsigned (`session.x64quantprecision`).
   */
  channelCoding(
    base: string,
    scales: Float32Array,
    zeroPoints: Int8Array | Uint8Array | Int32Array = new Int8Array(scales.length),
  ): Coding {
    const dims = [scales.length];
    const type =
      zeroPoints instanceof Int32Array
        ? DataType.int32
        : zeroPoints instanceof Int8Array
          ? DataType.int8
          : DataType.uint8;
    return {
      scale: this.tensor(`${base}_scale`, DataType.float, dims, scales),
      zeroPoint: this.tensor(`${base}_zero_point`, type, dims, zeroPoints),
    };
  }

  /** Rounds the float `value` to numbers called `numbers`. */
  quantize(value: string, numbers: string, { scale, zeroPoint }: Coding): void {
    this.add(nodeOf('QuantizeLinear', [value, scale, zeroPoint], [numbers], { name: this.name(numbers) }));
  }

  /** Makes the float `value` of `numbers`; `axis` where scales differ by channel. */
  dequantize(numbers: string, value: string, { scale, zeroPoint }: Coding, axis?: number): void {
    const attributes = axis === undefined ? {} : { axis };
    const name = this.name(`${value}_dequantized`);
    this.add(nodeOf('DequantizeLinear', [numbers, scale, zeroPoint], [value], { name, attributes }));
  }
}
