import { encodeModel } from './encode-model.ts';
import {
  type Attributes,
  type Dimension,
  ELEMENT_TYPE_CODE,
  type ElementType,
  type Initializer,
  type Node,
  type TensorData,
  type ValueInfo,
} from './model.ts';
import { prune } from './prune.ts';
import { packWeights } from './weight-packing.ts';

/** The name of a value that flows through the graph. */
export type Value = string;

/** The batch dimension of every model here: any size, chosen by the caller. */
export const BATCH: Dimension = 'batch';

/** Builds an ONNX graph node by node. Values are numbered in the order they are made, so equal calls give equal files. */
export class GraphBuilder {
  readonly #name: string;
  readonly #description: string;
  readonly #nodes: Node[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  readonly #transposes = new Map<Value, { readonly source: Value; readonly order: readonly number[] }>();
  #valueCount = 0;

  constructor(name: string, description: string) {
    this.#name = name;
    this.#description = description;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): Value {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  /** Makes the value an output of the graph, through a node that only gives it its name. */
  output(name: string, type: ElementType, shape: readonly Dimension[], value: Value): void {
    this.#nodes.push({ type: 'Identity', inputs: [value], outputs: [name], attributes: {} });
    this.#outputs.push({ name, type, shape });
  }

  constant(data: TensorData, shape: readonly number[] = [data.length]): Value {
    const name = this.#newValue('constant');
    this.#initializers.push({ name, shape, data });
    return name;
  }

  floats(values: Iterable<number>, shape?: readonly number[]): Value {
    return this.constant(Float32Array.from(values), shape);
  }

  ints(values: readonly number[]): Value {
    return this.constant(BigInt64Array.from(values, (item) => BigInt(item)));
  }

  /** A float32 constant, stored in the smallest form that loses nothing. ONNX Runtime unpacks it once, when it loads the model. */
  weights(values: Float32Array, shape: readonly number[]): Value {
    const packed = packWeights(values);
    switch (packed.kind) {
      case 'plain':
        return this.constant(packed.values, shape);
      case 'half':
        return this.cast(this.constant(packed.bits, shape), 'float32');
      case 'codes': {
        const codes = this.cast(this.constant(packed.codes, shape), 'int32');
        return this.op('Gather', [this.constant(packed.table), codes]);
      }
      default:
        return packed satisfies never;
    }
  }

  op(type: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const output = this.#newValue(type);
    this.#nodes.push({ type, inputs, outputs: [output], attributes });
    return output;
  }

  /** Like `op`, for an operator with several outputs. */
  opWithOutputs(count: number, type: string, inputs: readonly Value[], attributes: Attributes = {}): Value[] {
    const outputs = Array.from({ length: count }, () => this.#newValue(type));
    this.#nodes.push({ type, inputs, outputs, attributes });
    return outputs;
  }

  cast(value: Value, type: ElementType): Value {
    return this.op('Cast', [value], { to: ELEMENT_TYPE_CODE[type] });
  }

  /** Axis `i` of the result is axis `order[i]` of the value. A transpose of a transpose becomes one, or none at all. */
  transpose(value: Value, order: readonly number[]): Value {
    const earlier = this.#transposes.get(value);
    const source = earlier?.source ?? value;
    const combined = earlier === undefined ? order : order.map((axis) => earlier.order[axis]);
    if (combined.every((axis, index) => axis === index)) return source;
    const result = this.op('Transpose', [source], { perm: combined });
    this.#transposes.set(result, { source, order: combined });
    return result;
  }

  /** Gives the bytes of the finished `.onnx` file. */
  finish(): Uint8Array {
    return encodeModel({
      name: this.#name,
      description: this.#description,
      ...prune({ nodes: this.#nodes, initializers: this.#initializers }, this.#outputs),
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  #newValue(hint: string): Value {
    return `${hint}_${this.#valueCount++}`;
  }
}
