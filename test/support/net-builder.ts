import { seededRandom } from '#naiad/lib/random.js';
import type { AttributeValue } from '#naiad/onnx/attributes.js';
import { nodeOf, tensorOf, valueInfoOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { NO_BYTES, type OnnxDim, type OnnxModel, type OnnxNode, type OnnxTensor } from '#naiad/onnx/model.js';

interface AddOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
  readonly name?: string;
  /** Default: one with a name of its own. */
  readonly outputs?: readonly string[];
}

interface ModelOptions {
  /** FLOAT unless the type stands behind the dimensions. */
  readonly inputs: Readonly<Record<string, readonly OnnxDim[] | { dims: readonly OnnxDim[]; type: number }>>;
  /** Of any shape; FLOAT unless a type is given. */
  readonly outputs: readonly string[] | Readonly<Record<string, number>>;
  readonly opset?: number;
  readonly irVersion?: number;
}

/** Puts a model together node by node; weights are random, and the same ones for the same seed. */
export class NetBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  readonly #random: () => number;
  #count = 0;

  constructor(seed = 1) {
    this.#random = seededRandom(seed);
  }

  /** Numbers of a normal distribution. */
  normal(length: number, deviation = 1): Float32Array {
    return Float32Array.from({ length }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - this.#random()));
      return deviation * radius * Math.cos(2 * Math.PI * this.#random());
    });
  }

  /** Adds a node and returns its first output. */
  add(opType: string, inputs: readonly string[], options: AddOptions = {}): string {
    const outputs = options.outputs ?? [`${opType.toLowerCase()}_${++this.#count}`];
    const { attributes = {}, domain = '', name = `${outputs[0]}_node` } = options;
    this.nodes.push(nodeOf(opType, inputs, outputs, { name, domain, attributes }));
    return outputs[0] ?? '';
  }

  /** A FLOAT initializer of random numbers; by default of a size that keeps a layer's output as large as its input. */
  weight(dims: readonly number[], deviation?: number, name = `weight_${++this.#count}`): string {
    const size = dims.reduce((a, dim) => a * dim, 1);
    const columns = dims.length === 2 ? dims[1] : dims[0];
    return this.floats(dims, this.normal(size, deviation ?? Math.sqrt((columns ?? 1) / size)), name);
  }

  floats(
    dims: readonly number[],
    data: Float32Array | readonly number[],
    name = `floats_${++this.#count}`,
  ): string {
    this.initializers.push(tensorOf(name, DataType.float, dims, Float32Array.from(data)));
    return name;
  }

  ints(values: readonly number[], name = `ints_${++this.#count}`): string {
    this.initializers.push(
      tensorOf(name, DataType.int64, [values.length], BigInt64Array.from(values, BigInt)),
    );
    return name;
  }

  model({ inputs, outputs, opset = 17, irVersion = 8 }: ModelOptions): OnnxModel {
    const types = Array.isArray(outputs)
      ? outputs.map((name: string) => [name, DataType.float] as const)
      : Object.entries(outputs as Readonly<Record<string, number>>);
    return {
      irVersion,
      opsets: [{ domain: '', version: opset }],
      graph: {
        name: 'test',
        nodes: this.nodes,
        initializers: this.initializers,
        sparseInitializers: [],
        inputs: Object.entries(inputs).map(([name, input]) =>
          'dims' in input
            ? valueInfoOf(name, input.type, input.dims)
            : valueInfoOf(name, DataType.float, input),
        ),
        outputs: types.map(([name, type]) => valueInfoOf(name, type, null)),
        valueInfos: [],
        rest: NO_BYTES,
      },
      functions: [],
      metadata: [],
      rest: NO_BYTES,
    };
  }
}

/** An encoder of a transformer: `x` FLOAT [batch, length, hidden] to `y` of the same shape. */
export function encoderNet(hidden = 64, layers = 2, heads = 4): OnnxModel {
  const net = new NetBuilder(7);
  const linear = (x: string, from: number, to: number): string =>
    net.add('Add', [net.add('MatMul', [x, net.weight([from, to])]), net.weight([to], 0.02)]);
  const split = net.ints([0, -1, heads, hidden / heads]);
  const join = net.ints([0, -1, hidden]);
  const scale = net.floats([], [1 / Math.sqrt(hidden / heads)]);
  const normalise = (x: string): string => {
    const ones = net.floats([hidden], new Float32Array(hidden).fill(1));
    const zeros = net.floats([hidden], new Float32Array(hidden));
    return net.add('LayerNormalization', [x, ones, zeros], { attributes: { axis: -1 } });
  };
  let x = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const head = (perm: readonly number[]): string =>
      net.add('Transpose', [net.add('Reshape', [linear(x, hidden, hidden), split])], {
        attributes: { perm },
      });
    const scores = net.add('Mul', [net.add('MatMul', [head([0, 2, 1, 3]), head([0, 2, 3, 1])]), scale]);
    const weighted = net.add('MatMul', [net.add('Softmax', [scores]), head([0, 2, 1, 3])]);
    const joined = net.add('Transpose', [weighted], { attributes: { perm: [0, 2, 1, 3] } });
    const attended = linear(net.add('Reshape', [joined, join]), hidden, hidden);
    const between = normalise(net.add('Add', [x, attended]));
    const inner = linear(between, hidden, 4 * hidden);
    const erf = net.add('Erf', [net.add('Div', [inner, net.floats([], [Math.SQRT2])])]);
    const half = net.add('Mul', [inner, net.add('Add', [erf, net.floats([], [1])])]);
    const gelu = net.add('Mul', [half, net.floats([], [0.5])]);
    x = normalise(net.add('Add', [between, linear(gelu, 4 * hidden, hidden)]));
  }
  net.add('Identity', [x], { outputs: ['y'] });
  return net.model({ inputs: { x: ['batch', 'length', hidden] }, outputs: ['y'] });
}

/** A small convolution net: `x` FLOAT [batch, 3, 32, 32] to `y` FLOAT [batch, 10]. */
export function convolutionNet(): OnnxModel {
  const net = new NetBuilder(9);
  const conv = (x: string, from: number, to: number, size: number, stride: number, group = 1): string =>
    net.add('Conv', [x, net.weight([to, from / group, size, size]), net.weight([to], 0.05)], {
      attributes: {
        kernel_shape: [size, size],
        strides: [stride, stride],
        pads: Array(4).fill(size >> 1),
        group,
      },
    });
  let x = net.add('Relu', [conv('x', 3, 16, 3, 1)]);
  x = net.add('Relu', [conv(x, 16, 16, 3, 2, 16)]);
  const wide = net.add('Relu', [conv(x, 16, 64, 1, 1)]);
  const inner = net.add('Relu', [conv(wide, 64, 64, 3, 1)]);
  const sum = net.add('Relu', [net.add('Add', [conv(inner, 64, 64, 1, 1), wide])]);
  const features = net.add('Flatten', [net.add('GlobalAveragePool', [sum])], { attributes: { axis: 1 } });
  net.add('Gemm', [features, net.weight([10, 64]), net.weight([10], 0.01)], {
    attributes: { transB: 1 },
    outputs: ['y'],
  });
  return net.model({ inputs: { x: ['batch', 3, 32, 32] }, outputs: ['y'] });
}
