import { describe, expect, it } from 'vitest';
import { tensorOf } from '#naiad/onnx/build.js';
import { checkModel } from '#naiad/onnx/check-model.js';
import { DataType } from '#naiad/onnx/data-type.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import { quantizeColumns } from '#naiad/quantize/dynamic/column-numbers.js';
import { int8Dynamic } from '#naiad/quantize/dynamic/int8-dynamic.js';
import { convolutionNet, encoderNet, NetBuilder } from '../../support/net-builder.js';
import { answerOf, cosine, type Feeds, kernelsOf } from '../../support/ort-runs.js';
import { aMethodContext } from '../../support/quantization-spec.js';

const DEPTH = 96;
const COLUMNS = 24;

/** One layer; inputs all of one sign are the hardest on processors that add products in 16 bits. */
function oneLayer(weights: Float32Array, bias: boolean): OnnxModel {
  const net = new NetBuilder();
  const w = net.floats([DEPTH, COLUMNS], weights, 'w');
  if (bias) net.add('Gemm', ['x', w, net.weight([COLUMNS], 0.1)], { outputs: ['y'] });
  else net.add('MatMul', ['x', w], { outputs: ['y'] });
  return net.model({ inputs: { x: ['n', DEPTH] }, outputs: ['y'] });
}

describe('one layer', () => {
  const random = new NetBuilder(11);
  it.each([
    { name: 'any numbers', x: random.normal(4 * DEPTH), w: random.normal(DEPTH * COLUMNS), bias: false },
    {
      name: 'inputs of one sign',
      x: random.normal(4 * DEPTH).map(Math.abs),
      w: random.normal(DEPTH * COLUMNS),
      bias: true,
    },
    {
      name: 'everything at its greatest',
      x: new Float32Array(4 * DEPTH).fill(3),
      w: new Float32Array(DEPTH * COLUMNS).fill(-0.5),
      bias: true,
    },
    {
      name: 'nothing but zeros',
      x: new Float32Array(4 * DEPTH),
      w: new Float32Array(DEPTH * COLUMNS),
      bias: true,
    },
  ])('answers are within the bound of the rounding: $name', async ({ x, w, bias }) => {
    const model = oneLayer(w, bias);
    const feeds: Feeds = { x: { dims: [4, DEPTH], data: x } };
    const { model: rewritten } = int8Dynamic(model, aMethodContext());
    const [before, after] = [await answerOf(model, feeds), await answerOf(rewritten, feeds)];
    const inputStep = (Math.max(0, ...x) - Math.min(0, ...x)) / 255;
    const beyond = after.findIndex((answer, index) => {
      const [row, column] = [Math.floor(index / COLUMNS), index % COLUMNS];
      const weights = Array.from({ length: DEPTH }, (_, at) => w[at * COLUMNS + column] ?? 0);
      // Two neighbours may need twice the scale that one does.
      const scale = (2 * Math.max(...weights.map(Math.abs))) / 127;
      const bound = weights.reduce((sum, weight, at) => {
        const value = Math.abs(x[row * DEPTH + at] ?? 0) + inputStep;
        return sum + (value * scale) / 2 + (Math.abs(weight) * inputStep) / 2;
      }, 1e-4);
      return Math.abs(answer - (before[index] ?? 0)) > bound;
    });
    expect(beyond).toBe(-1);
  });
});

describe('numbers of a matrix', () => {
  const random = new NetBuilder(12).normal(DEPTH * COLUMNS);
  const layout = { depth: DEPTH, count: COLUMNS, contiguous: false, factor: 1 };
  const { numbers, scales, error } = quantizeColumns(
    tensorOf('w', DataType.float, [DEPTH, COLUMNS], random),
    layout,
  );

  it('lie within half a scale of the weights', () => {
    const beyond = random.findIndex((weight, index) => {
      const scale = scales[index % COLUMNS] ?? 0;
      return Math.abs(weight - (numbers[index] ?? 0) * scale) > (scale / 2) * 1.0001;
    });
    expect(beyond).toBe(-1);
    expect(error).toBeLessThan(0.012);
  });

  it('never come to more than 128 in two rows that are added in 16 bits', () => {
    const sums = Array.from({ length: (DEPTH / 2) * COLUMNS }, (_, index) => {
      const first = 2 * Math.floor(index / COLUMNS) * COLUMNS + (index % COLUMNS);
      return Math.abs((numbers[first] ?? 0) + (numbers[first + COLUMNS] ?? 0));
    });
    expect(Math.max(...sums)).toBeLessThanOrEqual(128);
  });
});

describe('an encoder', () => {
  const model = encoderNet();
  const feeds: Feeds = { x: { dims: [2, 12, 64], data: new NetBuilder(8).normal(2 * 12 * 64) } };

  it('queries, keys and values share the numbers of their input; everything is joined', async () => {
    const { model: rewritten, expectedKernels, layers } = int8Dynamic(model, aMethodContext());
    checkModel(rewritten);
    expect(layers.every(({ outcome }) => outcome === 'quantized')).toBe(true);
    expect(Object.fromEntries(expectedKernels)).toEqual({
      'com.microsoft:DynamicQuantizeMatMul': 6,
      'com.microsoft:MatMulIntegerToFloat': 6,
      DynamicQuantizeLinear: 2,
    });
    const kernels = await kernelsOf(rewritten);
    expect(kernels).toMatchObject(Object.fromEntries(expectedKernels));
    expect(kernels).not.toHaveProperty('MatMulInteger');
    expect(cosine(await answerOf(model, feeds), await answerOf(rewritten, feeds))).toBeGreaterThan(0.9993);
  });

  it('the file is a fourth', () => {
    const { layers } = int8Dynamic(model, aMethodContext());
    const sum = (bytes: readonly number[]): number => bytes.reduce((a, b) => a + b, 0);
    const before = sum(layers.map(({ weightBytesBefore }) => weightBytesBefore));
    expect(before / sum(layers.map(({ weightBytesAfter }) => weightBytesAfter))).toBeGreaterThan(3.7);
  });
});

describe('other layers', () => {
  it('a bias on either side is joined, and weights that several layers use are stored once', async () => {
    const net = new NetBuilder();
    const w = net.weight([DEPTH, DEPTH], undefined, 'w');
    const inner = net.add('Add', [net.weight([DEPTH], 0.1), net.add('MatMul', ['x', w])]);
    net.add('MatMul', [inner, w], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 'm', DEPTH] }, outputs: ['y'], opset: 9, irVersion: 4 });
    const { model: rewritten, layers } = int8Dynamic(model, aMethodContext());
    expect(rewritten.opsets).toEqual([{ domain: '', version: 11 }]);
    expect(layers.map(({ weightBytesBefore }) => weightBytesBefore)).toEqual([4 * DEPTH * DEPTH, 0]);
    expect(await kernelsOf(rewritten)).toEqual({ 'com.microsoft:DynamicQuantizeMatMul': 2 });
  });

  it('convolutions stay as they are', () => {
    const { layers, model } = int8Dynamic(convolutionNet(), aMethodContext());
    expect(model.graph.nodes.map(({ opType }) => opType)).not.toContain('ConvInteger');
    expect(layers.find(({ opType }) => opType === 'Conv')?.reason).toMatch(/slower with integers/);
    expect(() => int8Dynamic(convolutionNet(), aMethodContext({ exclude: ['Gemm'] }))).toThrow(
      /nothing of the model can be quantized: convolutions/,
    );
  });

  it('weights that are not finite are refused by name', () => {
    const model = oneLayer(new Float32Array(DEPTH * COLUMNS).fill(Number.NEGATIVE_INFINITY, 7, 8), false);
    expect(() => int8Dynamic(model, aMethodContext())).toThrow("the weights 'w' hold NaN or infinities");
  });

  it('what is quantized already is refused', () => {
    const { model } = int8Dynamic(oneLayer(new NetBuilder().normal(DEPTH * COLUMNS), true), aMethodContext());
    expect(() => int8Dynamic(model, aMethodContext())).toThrow(/quantized already/);
  });
});
