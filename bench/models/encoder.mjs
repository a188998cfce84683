import { onnxModel } from './onnx.mjs';
import { Random } from './random.mjs';

/**
 * @typedef {import('./onnx.mjs').Node} Node
 * @typedef {import('./onnx.mjs').Constant} Constant
 */

const LAYERS = 3;
export const ENCODER_WIDTH = 832;
const HEADS = 13;
const HEAD_WIDTH = ENCODER_WIDTH / HEADS;
const INNER_WIDTH = 4 * ENCODER_WIDTH;

/**
 * Three layers of a transformer's encoder, as large as they are in nets of ten times the depth, with random weights:
 * `input` FP32 [batch,tokens,832], `output` FP32 [batch,tokens,832].
 * @returns {Buffer} a `.onnx` file of 100 MB
 */
export function encoder() {
  const graph = new Graph();
  let x = 'input';
  for (let layer = 0; layer < LAYERS; layer++) x = graph.layer(x, `layer${layer}`);
  return graph.model(x);
}

class Graph {
  /** @type {Node[]} */
  #nodes = [];
  /** @type {Constant[]} */
  #constants = [];
  #random = new Random(11);

  constructor() {
    this.#constants.push(
      { name: 'heads', dims: [4], data: BigInt64Array.from([0n, -1n, BigInt(HEADS), BigInt(HEAD_WIDTH)]) },
      { name: 'joined', dims: [3], data: BigInt64Array.from([0n, -1n, BigInt(ENCODER_WIDTH)]) },
      { name: 'head_scale', dims: [], data: Float32Array.of(1 / Math.sqrt(HEAD_WIDTH)) },
      { name: 'half', dims: [], data: Float32Array.of(0.5) },
      { name: 'one', dims: [], data: Float32Array.of(1) },
      { name: 'root', dims: [], data: Float32Array.of(Math.SQRT2) },
    );
  }

  /** @param {string} x */
  model(x) {
    this.#nodes.push({ op: 'Identity', inputs: [x], outputs: ['output'] });
    return onnxModel(
      [{ name: 'input', dims: ['batch', 'tokens', ENCODER_WIDTH] }],
      [{ name: 'output', dims: ['batch', 'tokens', ENCODER_WIDTH] }],
      this.#nodes,
      this.#constants,
    );
  }

  /** @param {string} x @param {string} layer */
  layer(x, layer) {
    const head = (/** @type {string} */ name, /** @type {readonly number[]} */ perm) => {
      const rows = this.#dense(x, `${layer}/${name}`, ENCODER_WIDTH, ENCODER_WIDTH);
      return this.#op('Transpose', [this.#op('Reshape', [rows, 'heads'])], { perm });
    };
    const scores = this.#op('MatMul', [head('query', [0, 2, 1, 3]), head('key', [0, 2, 3, 1])]);
    const shares = this.#op('Softmax', [this.#op('Mul', [scores, 'head_scale'])], { axis: -1 });
    const values = this.#op('MatMul', [shares, head('value', [0, 2, 1, 3])]);
    const joined = this.#op('Reshape', [this.#op('Transpose', [values], { perm: [0, 2, 1, 3] }), 'joined']);
    const attended = this.#dense(joined, `${layer}/out`, ENCODER_WIDTH, ENCODER_WIDTH);
    const middle = this.#normalized(this.#op('Add', [x, attended]), `${layer}/norm1`);
    const inner = this.#gelu(this.#dense(middle, `${layer}/inner`, ENCODER_WIDTH, INNER_WIDTH));
    const outer = this.#dense(inner, `${layer}/outer`, INNER_WIDTH, ENCODER_WIDTH);
    return this.#normalized(this.#op('Add', [middle, outer]), `${layer}/norm2`);
  }

  /** @param {string} x @param {string} name @param {number} from @param {number} to */
  #dense(x, name, from, to) {
    const weights = this.#random.normal(from * to, Math.sqrt(1 / from));
    this.#constants.push(
      { name: `${name}/weights`, dims: [from, to], data: weights },
      { name: `${name}/bias`, dims: [to], data: this.#random.normal(to, 0.02) },
    );
    return this.#op('Add', [this.#op('MatMul', [x, `${name}/weights`]), `${name}/bias`]);
  }

  /** @param {string} x @param {string} name */
  #normalized(x, name) {
    this.#constants.push(
      { name: `${name}/scale`, dims: [ENCODER_WIDTH], data: new Float32Array(ENCODER_WIDTH).fill(1) },
      { name: `${name}/bias`, dims: [ENCODER_WIDTH], data: new Float32Array(ENCODER_WIDTH) },
    );
    const operands = [x, `${name}/scale`, `${name}/bias`];
    return this.#op('LayerNormalization', operands, { axis: -1, epsilon: { float: 1e-5 } });
  }

  /** @param {string} x */
  #gelu(x) {
    const error = this.#op('Erf', [this.#op('Div', [x, 'root'])]);
    return this.#op('Mul', [this.#op('Mul', [x, this.#op('Add', [error, 'one'])]), 'half']);
  }

  /** @param {string} op @param {readonly string[]} inputs @param {Node['attributes']} [attributes] */
  #op(op, inputs, attributes = {}) {
    const output = `${op.toLowerCase()}_${this.#nodes.length}`;
    this.#nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  }
}
