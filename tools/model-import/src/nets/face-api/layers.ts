import type { GraphBuilder, Value } from '../../onnx/graph-builder.ts';
import { convolutionFilter, depthwiseFilter } from '../../tfjs/filter-layout.ts';
import { floatTensor, type Tensor } from '../../tfjs/weights.ts';

export type Padding = 'same' | 'valid';

/** The weights of a face-api net, by the names of its manifest. */
export type NetWeights = ReadonlyMap<string, Tensor>;

/** Mean red, green and blue that face-api subtracts before every one of its nets used here. */
const FACE_API_MEAN_RGB = [122.782, 117.001, 104.298];

/** The building blocks of face-api's nets: feature maps are [batch, channel, row, column]. */
export class Layers {
  readonly #graph: GraphBuilder;
  readonly #weights: NetWeights;

  constructor(graph: GraphBuilder, weights: NetWeights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  /** Pixels 0..255 as [batch, row, column, RGB] bytes become the net's own numbers. */
  normalize(image: Value): Value {
    const pixels = this.#graph.cast(image, 'float32');
    const centred = this.#graph.op('Sub', [pixels, this.#graph.floats(FACE_API_MEAN_RGB)]);
    const scaled = this.#graph.op('Div', [centred, this.#graph.floats([255], [])]);
    return this.#graph.transpose(scaled, [0, 3, 1, 2]);
  }

  convolution(x: Value, filterName: string, biasName: string, stride: number, padding: Padding): Value {
    const filter = convolutionFilter(floatTensor(this.#weights, filterName));
    const inputs = [x, this.#graph.weights(filter.data, filter.shape), this.vector(biasName)];
    return this.#graph.op('Conv', inputs, convolutionAttributes(filter.shape, stride, padding, 1));
  }

  /** A filter per channel, then a 1x1 convolution across the channels. */
  separableConvolution(x: Value, name: string, stride: number): Value {
    const filter = depthwiseFilter(floatTensor(this.#weights, `${name}/depthwise_filter`));
    const perChannel = this.#graph.op(
      'Conv',
      [x, this.#graph.weights(filter.data, filter.shape)],
      convolutionAttributes(filter.shape, stride, 'same', filter.shape[0]),
    );
    return this.convolution(perChannel, `${name}/pointwise_filter`, `${name}/bias`, 1, 'valid');
  }

  fullyConnected(x: Value, name: string): Value {
    return this.#graph.op('Gemm', [x, this.matrix(`${name}/weights`), this.vector(`${name}/bias`)]);
  }

  relu(x: Value): Value {
    return this.#graph.op('Relu', [x]);
  }

  sum(first: Value, ...others: Value[]): Value {
    return others.reduce((total, item) => this.#graph.op('Add', [total, item]), first);
  }

  vector(name: string): Value {
    const { data } = floatTensor(this.#weights, name);
    return this.#graph.weights(data, [data.length]);
  }

  matrix(name: string): Value {
    const { data, shape } = floatTensor(this.#weights, name);
    return this.#graph.weights(data, shape);
  }
}

function convolutionAttributes(
  filterShape: readonly number[],
  stride: number,
  padding: Padding,
  group: number,
) {
  return {
    kernel_shape: filterShape.slice(2),
    strides: [stride, stride],
    // TensorFlow's SAME puts the odd pixel at the end, which is what ONNX calls SAME_UPPER.
    auto_pad: padding === 'same' ? 'SAME_UPPER' : 'VALID',
    group,
  };
}
