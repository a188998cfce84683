import { describe, expect, it } from 'vitest';
import { nodeOf } from '#naiad/onnx/build.js';
import { checkModel } from '#naiad/onnx/check-model.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import { checkKernels } from '#naiad/quantize/kernels.js';
import { int8Static } from '#naiad/quantize/static/int8-static.js';
import { unfusedLayers } from '#naiad/quantize/unfused-layers.js';
import { convolutionNet, NetBuilder } from '../../support/net-builder.js';
import { answersOf, cosine, type Feeds, kernelsOf, optimised } from '../../support/ort-runs.js';
import { addConv, contextOf, quantized, samplesOf } from './nets.js';

interface NetCase {
  readonly name: string;
  readonly dims: readonly number[];
  readonly build: (net: NetBuilder) => void;
  /** Kernels of the optimised graph besides Transpose, whatever their domain. */
  readonly kernels: Readonly<Record<string, number>>;
  readonly cosine?: number;
}

const SAME = { inputs: 8, outputs: 8, kernel: [3, 3] };
const last = (net: NetBuilder, x: string, inputs = 8): void => {
  net.add('Conv', [x, net.weight([6, inputs, 1, 1]), net.weight([6], 0.1)], { outputs: ['y'] });
};
/** Something between two convolutions. */
const between =
  (build: (net: NetBuilder, x: string) => string, inputs = 8) =>
  (net: NetBuilder): void => {
    last(net, build(net, addConv(net, 'x', SAME)), inputs);
  };
const ENDS = { QuantizeLinear: 1, DequantizeLinear: 1 };
const attributes = { kernel_shape: [2, 2], strides: [2, 2] };

const CASES: readonly NetCase[] = [
  {
    name: 'Relu and Clip are the rounding',
    dims: [1, 8, 8, 8],
    build: (net) => {
      const first = net.add('Relu', [addConv(net, 'x', SAME)]);
      const bounds = [net.floats([], [0]), net.floats([], [1.5])];
      last(net, net.add('Clip', [addConv(net, first, SAME), ...bounds]));
    },
    kernels: { ...ENDS, QLinearConv: 3 },
  },
  {
    name: 'batch normalisation is in the weights',
    dims: [1, 8, 8, 8],
    build: (net) => {
      const statistics = [net.weight([8], 1), net.weight([8], 1), net.weight([8], 1)];
      const variance = net.floats(
        [8],
        net.normal(8).map((value) => 0.5 + value ** 2),
      );
      const conv = addConv(net, 'x', { ...SAME, bias: false });
      last(net, net.add('Relu', [net.add('BatchNormalization', [conv, ...statistics, variance])]));
    },
    kernels: { ...ENDS, QLinearConv: 2 },
  },
  {
    name: 'residuals stay in numbers',
    dims: [1, 8, 8, 8],
    build: (net) => {
      const stem = net.add('Relu', [addConv(net, 'x', SAME)]);
      const inner = net.add('Relu', [addConv(net, stem, SAME)]);
      last(net, net.add('Relu', [net.add('Add', [addConv(net, inner, SAME), stem])]));
    },
    kernels: { ...ENDS, QLinearConv: 4, QLinearAdd: 1 },
  },
  {
    name: 'a Relu beside another user is a table',
    dims: [1, 8, 8, 8],
    build: (net) => {
      const conv = addConv(net, 'x', SAME);
      last(net, net.add('Add', [addConv(net, net.add('Relu', [conv]), SAME), conv]));
    },
    kernels: { ...ENDS, QLinearConv: 3, QLinearAdd: 1, QLinearLeakyRelu: 1 },
  },
  {
    name: 'branches',
    dims: [1, 8, 8, 8],
    build: (net) => {
      const stem = addConv(net, 'x', SAME);
      const wide = net.add('LeakyRelu', [addConv(net, stem, SAME)], {
        attributes: { alpha: { float: 0.1 } },
      });
      const gate = net.add('Sigmoid', [addConv(net, stem, SAME)]);
      const gated = net.add('Mul', [wide, gate]);
      last(net, net.add('Concat', [gated, stem, wide], { attributes: { axis: 1 } }), 24);
    },
    kernels: {
      ...ENDS,
      QLinearConv: 4,
      QLinearLeakyRelu: 1,
      QLinearSigmoid: 1,
      QLinearMul: 1,
      QLinearConcat: 1,
    },
  },
  {
    name: 'pools',
    dims: [1, 8, 12, 12],
    build: (net) => {
      const pooled = net.add('MaxPool', [addConv(net, 'x', SAME)], { attributes });
      const mean = net.add('AveragePool', [addConv(net, pooled, SAME)], { attributes });
      const features = net.add('Flatten', [net.add('GlobalAveragePool', [addConv(net, mean, SAME)])]);
      net.add('Gemm', [features, net.weight([8, 5]), net.weight([5], 0.1)], { outputs: ['y'] });
    },
    kernels: {
      QuantizeLinear: 1,
      QLinearConv: 3,
      NhwcMaxPool: 1,
      QLinearAveragePool: 1,
      QLinearGlobalAveragePool: 1,
      Flatten: 1,
      QGemm: 1,
    },
  },
  {
    name: 'numbers are moved as they are',
    dims: [1, 8, 6, 6],
    build: between((net, x) => {
      const scales = net.floats([4], [1, 1, 2, 2]);
      const larger = net.add('Resize', [x, '', scales], { attributes: { mode: 'nearest' } });
      const [half, other] = ['half', 'other'];
      net.add('Split', [larger, net.ints([4, 4])], { attributes: { axis: 1 }, outputs: [half, other] });
      const turned = net.add('Transpose', [other], { attributes: { perm: [0, 1, 3, 2] } });
      const cut = net.add('Slice', [turned, net.ints([1]), net.ints([9]), net.ints([2])]);
      return net.add('Reshape', [cut, net.ints([0, 4, 12, 8])]);
    }, 4),
    kernels: { ...ENDS, QLinearConv: 2, Resize: 1, Split: 1, Slice: 1, Reshape: 1 },
  },
  {
    name: 'pads are those of the next convolution or pool, or numbers',
    dims: [1, 8, 9, 9],
    build: between((net, x) => {
      const conv = addConv(net, net.add('Pad', [x, net.ints([0, 0, 1, 2, 0, 0, 0, 1])]), {
        ...SAME,
        attributes: { pads: [1, 0, 1, 1] },
      });
      const lowest = net.floats([], [Number.NEGATIVE_INFINITY]);
      const pad = net.add('Pad', [conv, net.ints([0, 0, 0, 0, 0, 0, 1, 1]), lowest]);
      const pool = net.add('MaxPool', [pad], { attributes });
      const half = net.floats([], [0.5]);
      return net.add('Pad', [pool, net.ints([0, 1, 0, 0, 0, 1, 0, 0]), half]);
    }, 10),
    kernels: { ...ENDS, QLinearConv: 3, NhwcMaxPool: 1, Pad: 1 },
  },
  {
    name: 'a constant is a number too',
    dims: [1, 8, 6, 6],
    build: between((net, x) =>
      net.add('Mul', [net.add('Add', [x, net.floats([1], [-0.75])]), net.floats([], [1 / 6])]),
    ),
    kernels: { QuantizeLinear: 1, DequantizeLinear: 1, QLinearConv: 2, QLinearAdd: 1, QLinearMul: 1 },
  },
  {
    name: 'matrices',
    dims: [4, 24],
    build: (net) => {
      const first = net.add('Relu', [net.add('Gemm', ['x', net.weight([24, 32]), net.weight([32], 0.2)])]);
      const second = net.add('Relu', [net.add('MatMul', [first, net.weight([32, 16])])]);
      net.add('Gemm', [second, net.weight([16, 3]), net.weight([3], 0.2)], { outputs: ['y'] });
    },
    kernels: { QuantizeLinear: 1, QGemm: 2, QLinearMatMul: 1 },
  },
  {
    name: 'an old model',
    dims: [1, 8, 6, 6],
    build: between((net, x) => {
      const clipped = net.add('Clip', [x], { attributes: { min: { float: 0 }, max: { float: 2 } } });
      return net.add('Squeeze', [net.add('Unsqueeze', [clipped], { attributes: { axes: [0] } })], {
        attributes: { axes: [0] },
      });
    }),
    kernels: { ...ENDS, QLinearConv: 2, Squeeze: 1, Unsqueeze: 1 },
  },
];

function netOf({ build, dims, name }: NetCase): OnnxModel {
  const net = new NetBuilder(31);
  build(net);
  return net.model({ inputs: { x: dims }, outputs: ['y'], opset: name === 'an old model' ? 10 : 17 });
}

/** Counts without domains and without what only moves data for the machine's sake. */
async function plainKernels(model: OnnxModel): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [kernel, count] of Object.entries(await kernelsOf(model))) {
    const name = kernel.slice(kernel.indexOf(':') + 1);
    if (name !== 'Transpose') counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
}

async function likeness(a: OnnxModel, b: OnnxModel, samples: readonly Feeds[]): Promise<number> {
  const cosines: number[] = [];
  for (const feeds of samples) {
    const [before, after] = [await answersOf(a, feeds), await answersOf(b, feeds)];
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    for (const [name, values] of Object.entries(before)) {
      cosines.push(cosine(values, after[name] ?? new Float32Array()));
    }
  }
  return Math.min(...cosines);
}

describe('small nets', () => {
  it.each(CASES)('are computed in 8-bit kernels, and answer alike: $name', async (net) => {
    const model = netOf(net);
    const samples = samplesOf(net.dims);
    const { model: rewritten, expectedKernels, layers } = await quantized(model, samples);
    checkModel(rewritten);
    const kernels = await plainKernels(rewritten);
    expect(kernels).toEqual(net.kernels);
    expect(checkKernels(expectedKernels, kernels)).toEqual({ share: 1, missing: [] });
    expect(unfusedLayers(await optimised(rewritten), layers)).toEqual([]);
    expect(await likeness(model, rewritten, samples)).toBeGreaterThan(net.cosine ?? 0.999);
  });

  it('of old opsets may make pictures larger', async () => {
    const net = new NetBuilder(31);
    const first = addConv(net, 'x', SAME);
    const larger = net.add('Upsample', [first, net.floats([4], [1, 1, 2, 2])], {
      attributes: { mode: 'nearest' },
    });
    last(net, larger);
    const model = net.model({ inputs: { x: [1, 8, 5, 5] }, outputs: ['y'], opset: 9 });
    const samples = samplesOf([1, 8, 5, 5]);
    const { model: rewritten } = await quantized(model, samples);
    expect(await plainKernels(rewritten)).toEqual({ ...ENDS, QLinearConv: 2, Resize: 1 });
    expect(await likeness(model, rewritten, samples)).toBeGreaterThan(0.999);
  });

  it('computes pictures of any number', async () => {
    const model = convolutionNet();
    const samples = samplesOf([4, 3, 32, 32]);
    const { model: rewritten } = await quantized(model, samples);
    expect(await likeness(model, rewritten, samplesOf([2, 3, 32, 32]))).toBeGreaterThan(0.998);
  });

  it('is a third of the size and says what the weights lost', async () => {
    const { layers } = await quantized(convolutionNet(), samplesOf([1, 3, 32, 32]));
    expect(layers.map(({ opType }) => opType)).toEqual(['Conv', 'Conv', 'Conv', 'Conv', 'Conv', 'Gemm']);
    for (const { weightBytesBefore, weightBytesAfter, weightError, outcome } of layers) {
      expect(outcome).toBe('quantized');
      expect(weightBytesAfter / weightBytesBefore).toBeLessThan(0.37);
      expect(weightError).toBeGreaterThan(0.001);
      expect(weightError).toBeLessThan(0.02);
    }
  });
});

describe('pads', () => {
  /** A net with something that pads between its convolutions. */
  const padded = (opset: number, pad: (net: NetBuilder, x: string) => string): OnnxModel => {
    const net = new NetBuilder(31);
    addConv(net, pad(net, net.add('Relu', [addConv(net, 'x', SAME)])), { ...SAME, bias: false });
    net.nodes[net.nodes.length - 1] = { ...(net.nodes.at(-1) ?? nodeOf('', [], [])), outputs: ['y'] };
    return net.model({ inputs: { x: [1, 8, 7, 7] }, outputs: ['y'], opset });
  };
  const samples = samplesOf([1, 8, 7, 7]);
  const frame = [0, 0, 1, 1, 0, 0, 1, 1];

  it('of old models have their number in an attribute', async () => {
    const model = padded(10, (net, x) =>
      net.add('Pad', [x], { attributes: { pads: frame, value: { float: 1 } } }),
    );
    const { model: rewritten } = await quantized(model, samples);
    expect(await likeness(model, rewritten, samples)).toBeGreaterThan(0.999);
  });

  it.each([-4, 30])('with a number that no other comes near, %s, stay in floats', async (number) => {
    const model = padded(17, (net, x) => net.add('Pad', [x, net.ints(frame), net.floats([], [number])]));
    const { model: rewritten, layers } = await quantized(model, samples);
    expect(layers.map(({ outcome }) => outcome)).toEqual(['quantized', 'quantized']);
    expect(await likeness(model, rewritten, samples)).toBeGreaterThan(0.999);
  });
});

describe('the rewrite', () => {
  it('is the same for the same input, and leaves that as it is', async () => {
    const model = convolutionNet();
    const before = structuredClone(model);
    const context = await contextOf(model, samplesOf([1, 3, 32, 32]));
    const first = int8Static(model, context);
    expect(model).toEqual(before);
    expect(int8Static(model, context)).toEqual(first);
  });

  it('quantizes weights that layers share once', async () => {
    const net = new NetBuilder();
    const weights = [net.weight([8, 8, 3, 3], undefined, 'shared'), net.weight([8], 0.1)];
    const pads = { attributes: { pads: [1, 1, 1, 1] } };
    const first = net.add('Relu', [net.add('Conv', ['x', ...weights], pads)]);
    net.add('Conv', [first, ...weights], { ...pads, outputs: ['y'] });
    const model = net.model({ inputs: { x: [1, 8, 6, 6] }, outputs: ['y'] });
    const { model: rewritten } = await quantized(model, samplesOf([1, 8, 6, 6]));
    const names = rewritten.graph.initializers.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('shared_quantized'))).toHaveLength(1);
    expect(names).not.toContain('shared');
    expect(await plainKernels(rewritten)).toEqual({ ...ENDS, QLinearConv: 2 });
  });

  it('leaves values what they were called, whoever uses them', async () => {
    const net = new NetBuilder();
    const conv = net.add('Relu', [addConv(net, 'x', SAME)], { outputs: ['features'] });
    // Names that the rewrite would like to give.
    net.add('Identity', ['x'], { outputs: ['features_quantized'] });
    net.add('Exp', [addConv(net, conv, SAME)], { outputs: ['y'] });
    net.add('Shape', [conv], { outputs: ['shape'] });
    const model = net.model({
      inputs: { x: ['batch', 8, 6, 6] },
      outputs: { y: 1, features: 1, features_quantized: 1, shape: 7 },
    });
    const samples = samplesOf([2, 8, 6, 6]);
    const { model: rewritten } = await quantized(model, samples);
    checkModel(rewritten);
    expect(await likeness(model, rewritten, samples)).toBeGreaterThan(0.999);
  });

  it('names nodes without a name by their first output', async () => {
    const net = new NetBuilder();
    net.add('Conv', ['x', net.weight([4, 4, 1, 1])], { name: '', outputs: ['hidden'] });
    net.add('Conv', ['hidden', net.weight([4, 4, 1, 1])], { name: '', outputs: ['y'] });
    const model = net.model({ inputs: { x: [1, 4, 5, 5] }, outputs: ['y'] });
    const { model: rewritten, layers } = await quantized(model, samplesOf([1, 4, 5, 5]));
    expect(layers.map(({ node }) => node)).toEqual(['hidden', 'y']);
    expect(unfusedLayers(await optimised(rewritten), layers)).toEqual([]);
    // In the model as it was nothing is fused.
    expect(unfusedLayers(await optimised(model), layers)).toEqual(['hidden', 'y']);
  });
});
