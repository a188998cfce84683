import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { onnxModel } from './onnx.mjs';

/**
 * The InceptionV3 that comes with the npm package `nsfwjs`, as ONNX: 22 million weights of a net that was trained on
 * pictures. It is a net of Keras in the form of TensorFlow.js, whose weights were cut to 8 bits for each tensor.
 */

/**
 * @typedef {import('./onnx.mjs').Node} Node
 * @typedef {import('./onnx.mjs').Constant} Constant
 *
 * @typedef {object} Layer of Keras
 * @property {string} class_name
 * @property {any} config
 * @property {[string, ...unknown[]][][]} inbound_nodes
 *
 * @typedef {object} Weight
 * @property {readonly number[]} shape
 * @property {Float32Array} data
 */

export const INCEPTION_SIDE = 299;
export const INCEPTION_CLASSES = 5;

/**
 * `input` FP32 [batch,3,299,299], 0 to 1; `output` FP32 [batch,5].
 * @param {string} folder of the package
 * @returns {Buffer} a `.onnx` file of 87 MB
 */
export function inceptionV3(folder) {
  const models = join(folder, 'dist/models/inception_v3');
  const load = createRequire(join(models, 'model.min.js'));
  const { modelTopology, weightsManifest } = contentOf(load('./model.min.js'));
  const shards = readdirSync(models).filter((name) => name.startsWith('group1-'));
  const bytes = Buffer.concat(
    shards.sort().map((name) => Buffer.from(contentOf(load(`./${name}`)), 'base64')),
  );
  const graph = new Graph(readWeights(weightsManifest, bytes));
  for (const layer of (modelTopology.model_config ?? modelTopology).config.layers) graph.add(layer);
  return graph.model();
}

/** @param {any} module */
function contentOf(module) {
  return module.default ?? module;
}

/** @param {any} manifest @param {Uint8Array} bytes @returns {Map<string, Weight>} */
function readWeights(manifest, bytes) {
  let at = 0;
  return new Map(
    manifest
      .flatMap((/** @type {any} */ group) => group.weights)
      .map((/** @type {any} */ { name, shape, quantization: { dtype, scale, min } }) => {
        if (dtype !== 'uint8') throw new Error(`weights of ${name} are ${dtype}`);
        const length = shape.reduce((/** @type {number} */ size, /** @type {number} */ dim) => size * dim, 1);
        const data = Float32Array.from(bytes.subarray(at, at + length), (code) => code * scale + min);
        at += length;
        return [name, { shape, data }];
      }),
  );
}

/** Channels come last in Keras and first in ONNX; the graph has them first throughout. */
class Graph {
  /** @type {Node[]} */
  #nodes = [];
  /** @type {Constant[]} */
  #constants = [];
  /** What each layer answers. @type {Map<string, string>} */
  #values = new Map();
  #last = '';
  #weights;

  /** @param {Map<string, Weight>} weights */
  constructor(weights) {
    this.#weights = weights;
  }

  model() {
    this.#nodes.push({ op: 'Identity', inputs: [this.#last], outputs: ['output'] });
    return onnxModel(
      [{ name: 'input', dims: ['batch', 3, INCEPTION_SIDE, INCEPTION_SIDE] }],
      [{ name: 'output', dims: ['batch', INCEPTION_CLASSES] }],
      this.#nodes,
      this.#constants,
    );
  }

  /** @param {Layer} layer */
  add({ class_name: kind, config, inbound_nodes: inbound }) {
    const inputs = (inbound[0] ?? []).map(([name]) => this.#values.get(name) ?? '');
    this.#last = this.#valueOf(kind, config, inputs);
    this.#values.set(config.name, this.#last);
  }

  /** @param {string} kind @param {any} config @param {readonly string[]} inputs */
  #valueOf(kind, config, inputs) {
    const [x = ''] = inputs;
    const { name } = config;
    switch (kind) {
      case 'InputLayer':
        return 'input';
      case 'Dropout':
        return x;
      case 'Conv2D':
        return this.#op(
          name,
          'Conv',
          [x, this.#filters(`${name}/kernel`)],
          window(config.kernel_size, config),
        );
      case 'BatchNormalization':
        return this.#normalization(x, config);
      case 'Activation':
        return this.#activation(x, config);
      case 'MaxPooling2D':
        return this.#op(name, 'MaxPool', [x], window(config.pool_size, config));
      case 'AveragePooling2D':
        return this.#op(name, 'AveragePool', [x], window(config.pool_size, config));
      case 'Concatenate':
        return this.#op(name, 'Concat', inputs, { axis: 1 });
      case 'Flatten':
        return this.#op(name, 'Flatten', [x], { axis: 1 });
      case 'Dense': {
        const operands = [x, this.#constant(`${name}/kernel`), this.#constant(`${name}/bias`)];
        return this.#activation(this.#op(`${name}_sums`, 'Gemm', operands), config);
      }
      default:
        throw new Error(`no layer ${kind}`);
    }
  }

  /** @param {string} x @param {any} config */
  #activation(x, { name, activation }) {
    if (activation === 'relu') return this.#op(name, 'Relu', [x]);
    if (activation === 'softmax') return this.#op(name, 'Softmax', [x], { axis: -1 });
    throw new Error(`no activation ${activation}`);
  }

  /** @param {string} x @param {any} config */
  #normalization(x, { name, epsilon }) {
    const beta = this.#constant(`${name}/beta`);
    const ones = new Float32Array(this.#weight(`${name}/beta`).data.length).fill(1);
    this.#constants.push({ name: `${name}/gamma`, dims: [ones.length], data: ones });
    const statistics = [this.#constant(`${name}/moving_mean`), this.#constant(`${name}/moving_variance`)];
    const operands = [x, `${name}/gamma`, beta, ...statistics];
    return this.#op(name, 'BatchNormalization', operands, { epsilon: { float: epsilon } });
  }

  /** From rows, columns, inputs, outputs. @param {string} name */
  #filters(name) {
    const { shape, data } = this.#weight(name);
    const [rows = 0, columns = 0, from = 0, to = 0] = shape;
    const places = rows * columns;
    const turned = new Float32Array(data.length);
    let at = 0;
    for (let output = 0; output < to; output++) {
      for (let input = 0; input < from; input++) {
        for (let place = 0; place < places; place++) {
          turned[at++] = data[(place * from + input) * to + output] ?? 0;
        }
      }
    }
    this.#constants.push({ name, dims: [to, from, rows, columns], data: turned });
    return name;
  }

  /** @param {string} name */
  #constant(name) {
    const { shape, data } = this.#weight(name);
    this.#constants.push({ name, dims: shape, data });
    return name;
  }

  /** @param {string} name @returns {Weight} */
  #weight(name) {
    const weight = this.#weights.get(name);
    if (weight === undefined) throw new Error(`no weight ${name}`);
    return weight;
  }

  /** @param {string} output @param {string} op @param {readonly string[]} inputs @param {Node['attributes']} [attributes] */
  #op(output, op, inputs, attributes = {}) {
    this.#nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }
}

/**
 * Attributes of what moves a window over the picture. `same` with strides of 1 and odd sizes pads alike on all sides.
 * @param {readonly [number, number]} size
 * @param {{ strides: readonly [number, number], padding: string }} config
 */
function window(size, { strides, padding }) {
  const pads = size.map((length) => (padding === 'same' ? length >> 1 : 0));
  return { kernel_shape: size, strides, pads: [...pads, ...pads] };
}
