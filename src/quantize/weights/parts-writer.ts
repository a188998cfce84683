import { intsTensor, tensorOf } from '../../onnx/build.js';
import { DataType } from '../../onnx/data-type.js';
import type { OnnxModel, OnnxNode, OnnxTensor } from '../../onnx/model.js';
import { UniqueNames } from '../../onnx/unique-names.js';
import { toHalves } from '../half/float16.js';

/** Collects the nodes and tensors of a graph that is rewritten, in order, under names that are free. */
export class PartsWriter {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #names: UniqueNames;
  readonly #shared = new Map<string, string>();

  constructor(model: OnnxModel) {
    this.#names = new UniqueNames(model);
  }

  /** A name for a value or node that is free. */
  name(base: string): string {
    return this.#names.take(base);
  }

  add(node: OnnxNode): void {
    this.nodes.push(node);
  }

  /** The tensor's name, which is `base` where that is free. */
  tensor(base: string, dataType: number, dims: readonly number[], data: ArrayBufferView): string {
    return this.#put(tensorOf(this.name(base), dataType, dims, data));
  }

  /** A tensor of FLOAT or FLOAT16: scales have the type of what they multiply. */
  floats(base: string, dataType: number, dims: readonly number[], data: Float32Array): string {
    return this.tensor(base, dataType, dims, dataType === DataType.float16 ? toHalves(data) : data);
  }

  /** The shape `dims` as an input of Reshape; the same one for the same dimensions. */
  shape(dims: readonly number[]): string {
    return this.#once(`shape_${dims.join('x')}`, (name) => intsTensor(name, dims));
  }

  /** The identity matrix as [1, size, size] of FLOAT or FLOAT16; the same one for the same size. */
  identity(dataType: number, size: number): string {
    const floats = Float32Array.from({ length: size * size }, (_, index) =>
      index % (size + 1) === 0 ? 1 : 0,
    );
    const data = dataType === DataType.float16 ? toHalves(floats) : floats;
    return this.#once(`identity_${size}_${dataType}`, (name) =>
      tensorOf(name, dataType, [1, size, size], data),
    );
  }

  #once(base: string, make: (name: string) => OnnxTensor): string {
    let name = this.#shared.get(base);
    if (name === undefined) {
      name = this.#put(make(this.name(base)));
      this.#shared.set(base, name);
    }
    return name;
  }

  #put(tensor: OnnxTensor): string {
    this.tensors.push(tensor);
    return tensor.name;
  }
}
