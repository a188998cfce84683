import { describe, expect, it } from 'vitest';
import { tensorOf } from '#naiad/onnx/build.js';
import { checkModel } from '#naiad/onnx/check-model.js';
import type { OnnxModel, OnnxTensor } from '#naiad/onnx/model.js';
import { floatsOf } from '#naiad/onnx/tensor-values.js';
import type { Range } from '#naiad/quantize/method.js';
import { int8Static } from '#naiad/quantize/static/int8-static.js';
import { NetBuilder } from '../../support/net-builder.js';
import { answerOf, type Feeds, kernelsOf } from '../../support/ort-runs.js';
import { addConv, contextOf, samplesOf } from './nets.js';

interface LayerCase {
  readonly name: string;
  readonly dims: readonly number[];
  /** Adds a layer that reads `x` and gives `y`, and maybe what its rounding does. */
  readonly build: (net: NetBuilder) => void;
  readonly kernel: string;
}

const conv = (options: Parameters<typeof addConv>[2]) => (net: NetBuilder) => {
  net.add('Identity', [addConv(net, 'x', options)], { outputs: ['y'] });
};

const CASES: readonly LayerCase[] = [
  {
    name: '3 x 3',
    dims: [2, 6, 9, 8],
    build: conv({ inputs: 6, outputs: 10, kernel: [3, 3] }),
    kernel: 'Conv',
  },
  {
    name: '1 x 1 without a bias',
    dims: [1, 8, 5, 5],
    build: conv({ inputs: 8, outputs: 4, kernel: [1, 1], bias: false }),
    kernel: 'Conv',
  },
  {
    name: 'pictures, strides, unequal pads',
    dims: [1, 3, 16, 17],
    build: conv({
      inputs: 3,
      outputs: 8,
      kernel: [5, 3],
      attributes: { strides: [2, 3], pads: [0, 1, 3, 2] },
    }),
    kernel: 'Conv',
  },
  {
    name: 'padded by rule',
    dims: [1, 4, 11, 11],
    build: (net) => {
      const weights = [net.weight([4, 4, 2, 2]), net.weight([4], 0.3)];
      net.add('Conv', ['x', ...weights], {
        attributes: { auto_pad: 'SAME_LOWER', strides: [3, 3] },
        outputs: ['y'],
      });
    },
    kernel: 'Conv',
  },
  {
    name: 'dilated',
    dims: [1, 4, 12, 12],
    build: conv({
      inputs: 4,
      outputs: 6,
      kernel: [3, 3],
      attributes: { dilations: [2, 2], pads: [2, 2, 2, 2] },
    }),
    kernel: 'Conv',
  },
  {
    name: 'in groups',
    dims: [1, 12, 6, 6],
    build: conv({ inputs: 12, outputs: 9, kernel: [3, 3], groups: 3 }),
    kernel: 'Conv',
  },
  {
    name: 'depthwise',
    dims: [1, 16, 10, 10],
    build: conv({ inputs: 16, outputs: 16, kernel: [3, 3], groups: 16 }),
    kernel: 'Conv',
  },
  {
    name: 'depthwise, two for each channel',
    dims: [1, 5, 8, 8],
    build: conv({ inputs: 5, outputs: 10, kernel: [3, 3], groups: 5 }),
    kernel: 'Conv',
  },
  {
    name: 'of one dimension',
    dims: [2, 4, 40],
    build: conv({ inputs: 4, outputs: 7, kernel: [5] }),
    kernel: 'Conv',
  },
  {
    name: 'of three dimensions',
    dims: [1, 2, 6, 5, 4],
    build: conv({ inputs: 2, outputs: 4, kernel: [3, 3, 3] }),
    kernel: 'Conv',
  },
  {
    name: 'behind a matrix of rows',
    dims: [5, 24],
    build: (net) => {
      net.add('Gemm', ['x', net.weight([7, 24]), net.weight([7], 0.3)], {
        attributes: { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
        outputs: ['y'],
      });
    },
    kernel: 'Gemm',
  },
  {
    name: 'of a matrix of columns without a bias',
    dims: [3, 31],
    build: (net) => void net.add('Gemm', ['x', net.weight([31, 6])], { outputs: ['y'] }),
    kernel: 'Gemm',
  },
  {
    name: 'of a matrix product of sequences',
    dims: [2, 5, 16],
    build: (net) => void net.add('MatMul', ['x', net.weight([16, 12])], { outputs: ['y'] }),
    kernel: 'MatMul',
  },
];

const KERNELS: Readonly<Record<string, string>> = {
  Conv: 'QLinearConv',
  Gemm: 'QGemm',
  MatMul: 'MatMulIntegerToFloat',
};

function netOf({ build, dims }: LayerCase): OnnxModel {
  const net = new NetBuilder(17);
  build(net);
  return net.model({ inputs: { x: dims }, outputs: ['y'] });
}

/** The model with other weights, and a bias of zero. */
function withWeights(model: OnnxModel, change: (tensor: OnnxTensor) => Float32Array): OnnxModel {
  const initializers = model.graph.initializers.map((tensor) =>
    tensorOf(
      tensor.name,
      tensor.dataType,
      tensor.dims,
      tensor.dims.length === 1 ? new Float32Array(tensor.dims[0] ?? 0) : change(tensor),
    ),
  );
  return { ...model, graph: { ...model.graph, initializers } };
}

const stepOf = ({ min, max }: Range = { min: 0, max: 0 }): number => (max - min) / 255;

/** How far the answers may be off, by the rounding of inputs, weights, bias and output. */
async function boundOf(
  model: OnnxModel,
  { x }: Feeds,
  ranges: ReadonlyMap<string, Range>,
): Promise<Float32Array> {
  if (x === undefined || !(x.data instanceof Float32Array)) throw new Error('a sample has floats');
  const inputStep = stepOf(ranges.get('x'));
  const means = ranges.get('x')?.channelMeans ?? [];
  const mean = Math.max(...Array.from(means, Math.abs));
  const rounded: Feeds = { x: { ...x, data: x.data.map(() => inputStep / 2) } };
  // What is lost on average is taken off the bias, which may miss for a single input.
  const reached: Feeds = { x: { ...x, data: x.data.map((value) => Math.abs(value) + inputStep / 2 + mean) } };
  const magnitudes = withWeights(model, (tensor) => floatsOf(tensor).map(Math.abs));
  // A scale at least as large as that of any channel.
  const steps = withWeights(model, (tensor) => {
    const floats = floatsOf(tensor);
    const scale = (2 * floats.reduce((a, b) => Math.max(a, Math.abs(b)), 0)) / 127;
    return floats.map(() => scale);
  });
  const [byInput, byWeights] = [await answerOf(magnitudes, rounded), await answerOf(steps, reached)];
  return byInput.map((value, index) => value + (byWeights[index] ?? 0) + stepOf(ranges.get('y')) / 2 + 1e-4);
}

describe('one layer', () => {
  it.each(CASES)('answers within the bound of its rounding, in one kernel: $name', async (layer) => {
    const model = netOf(layer);
    const samples = samplesOf(layer.dims);
    const context = await contextOf(model, samples);
    const { model: rewritten, layers, expectedKernels } = int8Static(model, context);
    checkModel(rewritten);
    const kernel = KERNELS[layer.kernel] ?? '';
    expect(Object.fromEntries(expectedKernels)).toEqual({ [kernel]: 1 });
    const made = await kernelsOf(rewritten);
    expect((made[kernel] ?? 0) + (made[`com.microsoft:${kernel}`] ?? 0)).toBe(1);
    expect(made[layer.kernel]).toBeUndefined();
    expect(layers).toMatchObject([{ opType: layer.kernel, outcome: 'quantized', reason: '' }]);
    for (const feeds of samples) {
      const [before, after] = [await answerOf(model, feeds), await answerOf(rewritten, feeds)];
      const bound = await boundOf(model, feeds, context.ranges);
      const beyond = after.findIndex(
        (answer, index) => !(Math.abs(answer - (before[index] ?? 0)) <= (bound[index] ?? 0)),
      );
      expect(beyond).toBe(-1);
      // The bound is for the worst; on the whole it is far better.
      const [error, size] = [before.map((value, index) => value - (after[index] ?? 0)), before].map((list) =>
        Math.hypot(...list),
      );
      expect((error ?? 1) / (size ?? 1)).toBeLessThan(0.02);
    }
  });

  it('is the same sum of products on every processor, however large the numbers', async () => {
    const net = new NetBuilder();
    const [inputs, outputs] = [32, 4];
    // All weights of a channel alike, all inputs at the upper end: 16-bit sums of pairs could not hold more.
    const weights = Float32Array.from({ length: outputs * inputs * 9 }, (_, index) =>
      index < 2 * inputs * 9 ? 1 : -1,
    );
    net.add('Conv', ['x', net.floats([outputs, inputs, 3, 3], weights)], { outputs: ['y'] });
    const model = net.model({ inputs: { x: [1, inputs, 6, 6] }, outputs: ['y'] });
    const feeds: Feeds = { x: { dims: [1, inputs, 6, 6], data: new Float32Array(inputs * 36).fill(2) } };
    const opposite: Feeds = { x: { dims: [1, inputs, 6, 6], data: new Float32Array(inputs * 36).fill(0) } };
    const context = await contextOf(model, [feeds, opposite]);
    const answer = await answerOf(int8Static(model, context).model, feeds);
    answer.forEach((value, index) => {
      expect(Math.abs(value - (index < 32 ? 576 : -576))).toBeLessThan(1152 / 255);
    });
  });
});
