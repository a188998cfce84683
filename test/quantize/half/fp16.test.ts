import { describe, expect, it } from 'vitest';
import { intAttribute } from '#naiad/onnx/attributes.js';
import { tensorOf, valueInfoOf } from '#naiad/onnx/build.js';
import { checkModel } from '#naiad/onnx/check-model.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { NO_BYTES, type OnnxGraph, type OnnxModel } from '#naiad/onnx/model.js';
import { fp16, inHalfPrecision } from '#naiad/quantize/half/fp16.js';
import type { LayerReport, MethodContext } from '#naiad/quantize/method.js';
import { int4Weight, int8Weight, nf4 } from '#naiad/quantize/weights/weight-only.js';
import { convolutionNet, encoderNet, NetBuilder } from '../../support/net-builder.js';
import {
  answerOf,
  answersOf,
  cosine,
  type Feeds,
  greatestDifference,
  kernelsOf,
} from '../../support/ort-runs.js';
import { aMethodContext } from '../../support/quantization-spec.js';

const countOf = (model: OnnxModel, opType: string): number =>
  model.graph.nodes.filter((node) => node.opType === opType).length;

const keptOf = (layers: readonly LayerReport[]): Record<string, string> =>
  Object.fromEntries(
    layers.filter(({ outcome }) => outcome === 'kept').map(({ opType, reason }) => [opType, reason]),
  );

/** Rewrites a model and runs both; nothing is off by more than `tolerance`. */
async function expectSame(
  model: OnnxModel,
  feeds: Feeds,
  tolerance: number,
  context: MethodContext = aMethodContext(),
): Promise<{ model: OnnxModel; layers: readonly LayerReport[] }> {
  const rewritten = fp16(model, context);
  checkModel(rewritten.model);
  const [before, after] = [await answersOf(model, feeds), await answersOf(rewritten.model, feeds)];
  for (const [name, answer] of Object.entries(before)) {
    expect(greatestDifference(answer, after[name] ?? new Float32Array())).toBeLessThan(tolerance);
  }
  return rewritten;
}

describe('nets', () => {
  it('an encoder is all halves between two conversions', async () => {
    const model = encoderNet();
    const feeds: Feeds = { x: { dims: [2, 12, 64], data: new NetBuilder(8).normal(2 * 12 * 64) } };
    const { model: half, layers } = await expectSame(model, feeds, 0.02);
    expect(countOf(half, 'Cast')).toBe(2);
    expect(half.graph.initializers.filter(({ dataType }) => dataType === DataType.float)).toEqual([]);
    expect(half.graph.inputs).toEqual(model.graph.inputs);
    expect(half.graph.outputs).toEqual(model.graph.outputs);
    const weights = layers.filter(({ opType }) => opType === 'MatMul');
    expect(weights).toHaveLength(12);
    for (const { weightBytesBefore, weightBytesAfter, weightError } of weights) {
      expect(weightBytesAfter).toBe(weightBytesBefore / 2);
      expect(weightError).toBeGreaterThan(0);
      expect(weightError).toBeLessThan(2 ** -11);
    }
  });

  it('a convolution net too', async () => {
    const feeds: Feeds = { x: { dims: [2, 3, 32, 32], data: new NetBuilder(8).normal(2 * 3 * 32 * 32) } };
    const { model } = await expectSame(convolutionNet(), feeds, 0.01);
    expect(countOf(model, 'Cast')).toBe(2);
  });

  it.each([
    { name: 'nf4', method: nf4, least: 0.98 },
    { name: 'int4', method: int4Weight, least: 0.98 },
    { name: 'int8', method: int8Weight, least: 0.9998 },
  ])('$name weights with scales and inputs in half precision', async ({ method, least }) => {
    for (const [model, dims] of [
      [encoderNet(), [2, 12, 64]],
      [convolutionNet(), [2, 3, 32, 32]],
    ] as const) {
      const feeds: Feeds = { x: { dims, data: new NetBuilder(8).normal(dims.reduce((a, b) => a * b, 1)) } };
      const { model: half, expectedKernels } = inHalfPrecision(method)(
        model,
        aMethodContext({ blockSize: 64 }),
      );
      checkModel(half);
      expect(half.graph.initializers.filter(({ dataType }) => dataType === DataType.float)).toEqual([]);
      expect(await kernelsOf(half)).toMatchObject(Object.fromEntries(expectedKernels));
      expect(cosine(await answerOf(model, feeds), await answerOf(half, feeds))).toBeGreaterThan(least);
    }
  });

  it('a model in half precision gets weights in blocks as well', async () => {
    const net = new NetBuilder();
    const half = net.add('Cast', ['x'], { attributes: { to: DataType.float16 } });
    const bytes = new Uint16Array(64 * 32).map((_, index) => 0x2c00 + (index % 700) + (index % 2) * 0x8000);
    net.initializers.push(tensorOf('w', DataType.float16, [64, 32], bytes));
    net.add('Cast', [net.add('MatMul', [half, 'w'])], { attributes: { to: DataType.float }, outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 64] }, outputs: ['y'] });
    const feeds: Feeds = { x: { dims: [3, 64], data: net.normal(192) } };
    for (const method of [nf4, int4Weight]) {
      const rewritten = method(model, aMethodContext());
      const types = rewritten.model.graph.initializers.map(({ dataType }) => dataType);
      expect(types).toEqual([DataType.uint8, DataType.float16]);
      expect(cosine(await answerOf(model, feeds), await answerOf(rewritten.model, feeds))).toBeGreaterThan(
        0.98,
      );
    }
  });
});

describe('numbers that half precision does not hold', () => {
  it('a layer normalisation of single steps computes in floats where it must', async () => {
    const net = new NetBuilder();
    const mean = (x: string): string => net.add('ReduceMean', [x], { attributes: { axes: [-1] } });
    const centred = net.add('Sub', ['x', mean('x')]);
    const variance = mean(net.add('Pow', [centred, net.floats([], [2])]));
    const deviation = net.add('Sqrt', [net.add('Add', [variance, net.floats([], [1e-12])])]);
    const normal = net.add('Div', [centred, deviation]);
    net.add('Mul', [normal, net.weight([32])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 32] }, outputs: ['y'] });
    // Squares of the first row are beyond the range, those of the second below it.
    const data = new NetBuilder(5).normal(64).map((value, index) => value * (index < 32 ? 2000 : 1e-3));
    const { layers } = await expectSame(model, { x: { dims: [2, 32], data } }, 0.02);
    expect(Object.keys(keptOf(layers)).sort()).toEqual(['Add', 'Div', 'Pow', 'ReduceMean', 'Sqrt']);
    expect(keptOf(layers).Add).toMatch(/reaches no more than 1.00e-12/);
  });

  it.each([-3.4028234663852886e38, -1e9, -10_000])('masks of %s hide what they should', async (hidden) => {
    const net = new NetBuilder();
    const mask = net.add('Cast', ['ids'], { attributes: { to: DataType.float } });
    const bias = net.add('Mul', [net.add('Sub', [net.floats([], [1]), mask]), net.floats([], [hidden])]);
    const scores = net.add('MatMul', ['x', net.weight([16, 8])]);
    net.add('Softmax', [net.add('Add', [scores, bias])], { outputs: ['y'] });
    const model = net.model({
      inputs: { x: ['n', 16], ids: { dims: ['n', 8], type: DataType.int64 } },
      outputs: ['y'],
    });
    // Nothing of the last row may be seen.
    const seen = BigInt64Array.from({ length: 24 }, (_, index) => (index < 16 && index % 3 > 0 ? 1n : 0n));
    const feeds: Feeds = { x: { dims: [3, 16], data: net.normal(48) }, ids: { dims: [3, 8], data: seen } };
    const { model: half } = fp16(model, aMethodContext());
    const [before, after] = [await answerOf(model, feeds), await answerOf(half, feeds)];
    expect(greatestDifference(before.subarray(0, 16), after.subarray(0, 16))).toBeLessThan(0.002);
    expect(after.every(Number.isFinite)).toBe(true);
  });

  it('constants beyond the range keep their nodes in floats, limits do not', async () => {
    const net = new NetBuilder();
    const large = net.add('Div', [net.add('Mul', ['x', net.floats([], [1e6])]), net.floats([], [1e6])]);
    const limited = net.add('Clip', [large, net.floats([], [0]), net.floats([], [3.4e38])]);
    net.add('MatMul', [limited, net.weight([16, 8])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 16] }, outputs: ['y'] });
    const { layers, model: half } = await expectSame(
      model,
      { x: { dims: [2, 16], data: net.normal(32) } },
      0.01,
    );
    expect(Object.keys(keptOf(layers)).sort()).toEqual(['Div', 'Mul']);
    expect(countOf(half, 'Cast')).toBe(2);
  });

  it('values that calibration saw beyond the range stay floats', () => {
    const ranges = new Map([['relu_1', { min: 0, max: 70_000 }]]);
    const net = new NetBuilder();
    const inner = net.add('Relu', [net.add('MatMul', ['x', net.weight([16, 16])], { outputs: ['m'] })], {
      outputs: ['relu_1'],
    });
    net.add('MatMul', [inner, net.weight([16, 8])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 16] }, outputs: ['y'] });
    const { layers, model: half } = fp16(model, aMethodContext({}, { ranges }));
    expect(keptOf(layers)).toEqual({ Relu: "'relu_1' reaches 7.00e+4", MatMul: "'relu_1' reaches 7.00e+4" });
    expect(countOf(half, 'Cast')).toBe(2);
  });

  it('angles are computed with all digits', async () => {
    const net = new NetBuilder();
    const frequencies = net.floats([4], [1, 0.1, 0.01, 0.001]);
    const place = net.add('Cast', ['ids'], { attributes: { to: DataType.float } });
    const angles = net.add('Mul', [net.add('Unsqueeze', [place, net.ints([1])]), frequencies]);
    const both = net.add('Concat', [net.add('Sin', [angles]), net.add('Cos', [angles])], {
      attributes: { axis: 1 },
    });
    net.add('MatMul', [both, net.weight([8, 8])], { outputs: ['y'] });
    const model = net.model({ inputs: { ids: { dims: ['n'], type: DataType.int64 } }, outputs: ['y'] });
    await expectSame(model, { ids: { dims: [3], data: BigInt64Array.of(1n, 4095n, 50_001n) } }, 0.01);
  });

  it('weights that are not finite are refused by name', () => {
    const net = new NetBuilder();
    net.add('MatMul', ['x', net.floats([4, 4], new Float32Array(16).fill(Number.NaN, 15), 'broken')], {
      outputs: ['y'],
    });
    const model = net.model({ inputs: { x: ['n', 4] }, outputs: ['y'] });
    expect(() => fp16(model, aMethodContext())).toThrow("the weights 'broken' hold NaN or infinities");
  });
});

describe('operators with types of their own', () => {
  it('Resize gets its scales, RandomNormalLike, ConstantOfShape and Cast their types', async () => {
    const net = new NetBuilder();
    const resized = net.add('Resize', ['x', '', net.floats([4], [1, 1, 2, 2])], {
      attributes: { mode: 'nearest' },
    });
    const shape = net.add('Shape', [resized]);
    const threes = net.add('ConstantOfShape', [shape], {
      attributes: { value: { tensor: tensorOf('', DataType.float, [1], Float32Array.of(3)) } },
    });
    const zeros = net.add('ConstantOfShape', [shape]);
    const noise = net.add('Mul', [net.add('RandomNormalLike', [resized]), zeros]);
    const whole = net.add('Cast', [net.add('Cast', [resized], { attributes: { to: DataType.int64 } })], {
      attributes: { to: DataType.float },
    });
    const sum = net.add('Sum', [threes, noise, whole, resized]);
    net.add('Conv', [sum, net.weight([4, 3, 1, 1])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 3, 4, 4] }, outputs: ['y'] });
    const data = net.normal(48).map((value) => Math.round(value * 8) + 0.25);
    const { model: half, layers } = await expectSame(model, { x: { dims: [1, 3, 4, 4], data } }, 0.05);
    expect(keptOf(layers)).toEqual({});
    expect(half.graph.nodes.filter((node) => intAttribute(node, 'to', 0) === DataType.float)).toHaveLength(1);
  });

  it('operators without kernels in half precision are kept, with conversions around all of them', async () => {
    const net = new NetBuilder();
    const limit = net.add('Celu', [
      net.add('Transpose', [net.add('Celu', ['x'])], { attributes: { perm: [1, 0] } }),
    ]);
    const back = net.add('Transpose', [limit], { attributes: { perm: [1, 0] } });
    net.add('MatMul', [back, net.weight([16, 8])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 16] }, outputs: ['y'] });
    const { model: half, layers } = await expectSame(
      model,
      { x: { dims: [2, 16], data: net.normal(32) } },
      0.01,
    );
    expect(keptOf(layers)).toEqual({ Celu: 'Celu has no kernel in half precision' });
    // The transposition between the two costs no conversion.
    expect(countOf(half, 'Cast')).toBe(2);
  });

  it('graphs inside nodes get floats, those of the graph around them too', async () => {
    const inner = new NetBuilder();
    inner.add('Add', ['shared', 'outer_bias'], { outputs: ['then_out'] });
    const branch = (nodes: NetBuilder, output: string): OnnxGraph => ({
      ...nodes.model({ inputs: {}, outputs: [output] }).graph,
      inputs: [],
    });
    const other = new NetBuilder();
    other.add('Mul', ['shared', 'shared'], { outputs: ['else_out'] });
    const net = new NetBuilder();
    net.floats([8], [1, 2, 3, 4, 5, 6, 7, 8], 'outer_bias');
    net.add('MatMul', ['x', net.weight([16, 8])], { outputs: ['shared'] });
    const condition = net.add('Greater', [
      net.add('ReduceSum', ['shared'], { attributes: { keepdims: 0 } }),
      net.floats([], [0]),
    ]);
    const chosen = net.add('If', [condition], {
      attributes: {
        then_branch: { graph: branch(inner, 'then_out') },
        else_branch: { graph: branch(other, 'else_out') },
      },
    });
    net.add('MatMul', [chosen, net.weight([8, 4])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 16] }, outputs: ['y', 'shared'] });
    const { layers } = await expectSame(model, { x: { dims: [2, 16], data: net.normal(32) } }, 0.02);
    expect(keptOf(layers).If).toBe('it runs graphs of its own');
  });

  it('the opset is raised where more nodes compute in half precision for it', async () => {
    const net = new NetBuilder();
    const limited = net.add('Clip', [net.add('Conv', ['x', net.weight([8, 3, 1, 1])])], {
      attributes: { min: { float: 0 }, max: { float: 6 } },
    });
    net.add('GlobalAveragePool', [limited], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 3, 4, 4] }, outputs: ['y'], opset: 9, irVersion: 4 });
    const { model: half, layers } = await expectSame(
      model,
      { x: { dims: [1, 3, 4, 4], data: net.normal(48) } },
      0.01,
    );
    expect(keptOf(layers)).toEqual({});
    expect(half.opsets).toEqual([{ domain: '', version: 12 }]);
    // Without such nodes it stays.
    expect(fp16(encoderNet(), aMethodContext()).model.opsets).toEqual(encoderNet().opsets);
  });

  it('an overridable initializer is an input', async () => {
    const net = new NetBuilder();
    net.add('Add', ['x', net.floats([1], [2], 'b')], { outputs: ['y'] });
    const plain = net.model({ inputs: { x: [4] }, outputs: ['y'] });
    const inputs = [...plain.graph.inputs, valueInfoOf('b', DataType.float, [1])];
    const model = { ...plain, graph: { ...plain.graph, inputs } };
    const { model: half } = fp16(model, aMethodContext());
    // The binding of ONNX Runtime gives nothing for it; others do.
    expect(half.graph.inputs).toEqual(inputs);
    expect(half.graph.nodes.filter(({ inputs: [from] }) => from === 'b').map(({ opType }) => opType)).toEqual(
      ['Cast'],
    );
    const feeds: Feeds = { x: { dims: [4], data: Float32Array.of(1, 2, 3, 4) } };
    expect([...(await answerOf(half, feeds))]).toEqual([3, 4, 5, 6]);
  });
});

describe('selection', () => {
  it.each([
    { spec: { keepOps: ['Softmax'] }, kept: { Softmax: 'Softmax is kept in single precision' } },
    { spec: { exclude: ['Erf', 'Softmax'] }, kept: { Erf: 'it is excluded', Softmax: 'it is excluded' } },
  ])('$spec', async ({ spec, kept }) => {
    const feeds: Feeds = { x: { dims: [1, 5, 64], data: new NetBuilder(8).normal(5 * 64) } };
    const { layers } = await expectSame(encoderNet(), feeds, 0.02, aMethodContext(spec));
    expect(keptOf(layers)).toEqual(kept);
  });

  it('the first and the last layer', () => {
    const { layers } = fp16(encoderNet(64, 1), aMethodContext({ keepFirst: true, keepLast: true }));
    const kept = layers.filter(({ outcome }) => outcome === 'kept').map(({ reason }) => reason);
    expect(kept).toEqual([
      'first layers are kept',
      'first layers are kept',
      'first layers are kept',
      'last layers are kept',
    ]);
  });

  it('models that have nothing for it are refused', () => {
    const net = new NetBuilder();
    net.add('Celu', ['x'], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n'] }, outputs: ['y'] });
    expect(() => fp16(model, aMethodContext())).toThrow(
      'nothing of the model can be quantized: Celu has no kernel in half precision',
    );
    const quantized = nf4(encoderNet(), aMethodContext()).model;
    expect(() => fp16(quantized, aMethodContext())).toThrow(/quantized already/);
  });

  it('functions of the model stay as they are', () => {
    const model = encoderNet(64, 1);
    const called = { name: 'Softmax', domain: '', opsets: [], nodes: [], rest: NO_BYTES };
    const { layers } = fp16({ ...model, functions: [called] }, aMethodContext());
    expect(keptOf(layers)).toEqual({ Softmax: 'it is a function of the model' });
  });
});
