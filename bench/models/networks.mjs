import { onnxModel } from './onnx.mjs';
import { Random } from './random.mjs';

// Networks of the size and shape that people serve, with random weights: speed and memory depend on them
// no more than that.

/**
 * @typedef {import('./onnx.mjs').Node} Node
 * @typedef {import('./onnx.mjs').Constant} Constant
 */

/** Blocks of a ResNet-50: inner channels, outer channels, how many, stride of the first. */
const RESNET_STAGES = /** @type {const} */ ([
  [64, 256, 3, 1],
  [128, 512, 4, 2],
  [256, 1024, 6, 2],
  [512, 2048, 3, 2],
]);

/**
 * A ResNet-50 without its batch normalisations, 25.5 million weights: `input` FP32 [batch,3,224,224],
 * `output` FP32 [batch,1000].
 * @returns {Buffer} a `.onnx` file of 102 MB
 */
export function resnet50() {
  const random = new Random(7);
  /** @type {Node[]} */
  const nodes = [];
  /** @type {Constant[]} */
  const constants = [];
  let last = 0;
  /** @type {(op: string, inputs: readonly string[], attributes?: Node['attributes']) => string} */
  const add = (op, inputs, attributes = {}) => {
    const output = `${op.toLowerCase()}_${++last}`;
    nodes.push({ op, inputs, outputs: [output], attributes });
    return output;
  };
  /** @type {(dims: readonly number[], deviation: number) => string} */
  const weight = (dims, deviation) => {
    const name = `weight_${++last}`;
    constants.push({ name, dims, data: random.normal(product(dims), deviation) });
    return name;
  };
  /** @type {(x: string, from: number, to: number, size: number, stride: number, gain?: number) => string} */
  const conv = (x, from, to, size, stride, gain = 1) => {
    const pad = size >> 1;
    const kernel = weight([to, from, size, size], gain * Math.sqrt(2 / (from * size * size)));
    return add('Conv', [x, kernel, weight([to], 0.05)], {
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  };
  let x = add('Relu', [conv('input', 3, 64, 7, 2)]);
  x = add('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let channels = 64;
  for (const [inner, outer, blocks, firstStride] of RESNET_STAGES) {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? firstStride : 1;
      const shortcut = block === 0 ? conv(x, channels, outer, 1, stride, 0.7) : x;
      let y = add('Relu', [conv(x, channels, inner, 1, 1)]);
      y = add('Relu', [conv(y, inner, inner, 3, stride)]);
      y = conv(y, inner, outer, 1, 1, 0.5);
      x = add('Relu', [add('Add', [y, shortcut])]);
      channels = outer;
    }
  }
  const features = add('Flatten', [add('GlobalAveragePool', [x])], { axis: 1 });
  const classes = weight([channels, 1000], Math.sqrt(1 / channels));
  nodes.push({ op: 'Gemm', inputs: [features, classes, weight([1000], 0.01)], outputs: ['output'] });
  return onnxModel(
    [{ name: 'input', dims: ['batch', 3, 224, 224] }],
    [{ name: 'output', dims: ['batch', 1000] }],
    nodes,
    constants,
  );
}

/** @param {readonly number[]} dims */
function product(dims) {
  return dims.reduce((size, dim) => size * dim, 1);
}
