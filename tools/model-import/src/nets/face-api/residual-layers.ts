import type { GraphBuilder, Value } from '../../onnx/graph-builder.ts';
import { floatTensor } from '../../tfjs/weights.ts';
import type { Layers, NetWeights, Padding } from './layers.ts';

/** A square feature map, [batch, channels, pixels, pixels]. The sizes decide where a shortcut has to be padded. */
export interface FeatureMap {
  readonly value: Value;
  readonly channels: number;
  readonly pixels: number;
}

const MAX_POOL_PIXELS = 3;
const POOL_PIXELS = 2;

/** The layers of dlib's ResNet as face-api runs them. */
export class ResidualLayers {
  readonly #graph: GraphBuilder;
  readonly #layers: Layers;
  readonly #weights: NetWeights;

  constructor(graph: GraphBuilder, layers: Layers, weights: NetWeights) {
    this.#graph = graph;
    this.#layers = layers;
    this.#weights = weights;
  }

  activated(x: FeatureMap, name: string, stride: number, padding: Padding): FeatureMap {
    return this.#relu(this.#scaledConvolution(x, name, stride, padding));
  }

  block(x: FeatureMap, name: string): FeatureMap {
    const first = this.activated(x, `${name}/conv1`, 1, 'same');
    const second = this.#scaledConvolution(first, `${name}/conv2`, 1, 'same');
    return this.#relu(this.#sum(second, x));
  }

  /** Halves the picture; its shortcut is an average pool, padded with zeros to the new number of channels. */
  halvingBlock(x: FeatureMap, name: string): FeatureMap {
    const first = this.activated(x, `${name}/conv1`, 2, 'valid');
    const second = this.#scaledConvolution(first, `${name}/conv2`, 1, 'same');
    const shortcut = this.#pooledShortcut(x);
    return this.#relu(this.#sum(this.#padded(second, shortcut), this.#padded(shortcut, second)));
  }

  /**
   * dlib's scale layer stays a layer of its own: multiplied into the filters it would turn their 256 distinct
   * numbers into millions, and the file would grow to four times its size. ONNX Runtime fuses the two at load.
   */
  #scaledConvolution(x: FeatureMap, name: string, stride: number, padding: Padding): FeatureMap {
    const filterName = `${name}/conv/filters`;
    const { shape } = floatTensor(this.#weights, filterName);
    const channels = shape[3];
    const convolved = this.#layers.convolution(x.value, filterName, `${name}/conv/bias`, stride, padding);
    const scaled = this.#graph.op('Mul', [convolved, this.#perChannel(`${name}/scale/weights`)]);
    const value = this.#graph.op('Add', [scaled, this.#perChannel(`${name}/scale/biases`)]);
    const pixels =
      padding === 'same' ? Math.ceil(x.pixels / stride) : Math.floor((x.pixels - shape[0]) / stride) + 1;
    return { value, channels, pixels };
  }

  #pooledShortcut(x: FeatureMap): FeatureMap {
    const value = this.#graph.op('AveragePool', [x.value], {
      kernel_shape: [POOL_PIXELS, POOL_PIXELS],
      strides: [2, 2],
    });
    return { value, channels: x.channels, pixels: Math.floor((x.pixels - POOL_PIXELS) / 2) + 1 };
  }

  /** Zeros at the end of every axis, up to the size of the other map where that one is larger. */
  #padded(x: FeatureMap, other: FeatureMap): FeatureMap {
    const channels = Math.max(x.channels, other.channels);
    const pixels = Math.max(x.pixels, other.pixels);
    if (channels === x.channels && pixels === x.pixels) return x;
    const border = pixels - x.pixels;
    const paddings = this.#graph.ints([0, 0, 0, 0, 0, channels - x.channels, border, border]);
    return { value: this.#graph.op('Pad', [x.value, paddings]), channels, pixels };
  }

  #sum(a: FeatureMap, b: FeatureMap): FeatureMap {
    return { ...a, value: this.#layers.sum(a.value, b.value) };
  }

  #relu(x: FeatureMap): FeatureMap {
    return { ...x, value: this.#layers.relu(x.value) };
  }

  #perChannel(name: string): Value {
    const { data } = floatTensor(this.#weights, name);
    return this.#graph.weights(data, [data.length, 1, 1]);
  }
}

export function maxPooled(graph: GraphBuilder, x: FeatureMap): FeatureMap {
  const value = graph.op('MaxPool', [x.value], {
    kernel_shape: [MAX_POOL_PIXELS, MAX_POOL_PIXELS],
    strides: [2, 2],
  });
  return { value, channels: x.channels, pixels: Math.floor((x.pixels - MAX_POOL_PIXELS) / 2) + 1 };
}

/** The mean of every channel, as [batch, channels]. */
export function averagePooled(graph: GraphBuilder, x: FeatureMap): Value {
  return graph.op('Flatten', [graph.op('GlobalAveragePool', [x.value])], { axis: 1 });
}
