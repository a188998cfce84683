import { describe, expect, it } from 'vitest';
import { DataType } from '#naiad/onnx/data-type.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import type { QuantizeMethod } from '#naiad/quantize/method.js';
import { columnsOf } from '#naiad/quantize/weights/columns.js';
import { fp4, int4Weight, int8Weight, nf4 } from '#naiad/quantize/weights/weight-only.js';
import { convolutionNet, encoderNet, NetBuilder } from '../../support/net-builder.js';
import {
  answerOf,
  cosine,
  type Feeds,
  greatestDifference,
  kernelsOf,
  optimised,
} from '../../support/ort-runs.js';
import { aMethodContext } from '../../support/quantization-spec.js';

const METHODS: Readonly<Record<string, QuantizeMethod>> = {
  'int8-weight': int8Weight,
  'int4-weight': int4Weight,
  nf4,
  fp4,
};

const method = (mode: string): QuantizeMethod => METHODS[mode] ?? int8Weight;

/** Kernels that the method promises and the optimised graph does not have. */
async function missingKernels(model: OnnxModel, expected: ReadonlyMap<string, number>): Promise<string[]> {
  const kernels = await kernelsOf(model);
  return [...expected].filter(([name, count]) => (kernels[name] ?? 0) < count).map(([name]) => name);
}

describe('products', () => {
  const DEPTH = 83;
  const COLUMNS = 19;
  const feeds: Feeds = { x: { dims: [5, DEPTH], data: new NetBuilder(5).normal(5 * DEPTH) } };

  const matMul = (): OnnxModel => {
    const net = new NetBuilder(2);
    net.add('MatMul', ['x', net.weight([DEPTH, COLUMNS], 0.1, 'w')], { outputs: ['y'], name: 'layer' });
    return net.model({ inputs: { x: ['n', DEPTH] }, outputs: ['y'] });
  };

  // By how much a weight may be off, as a part of the greatest in its block; and the input, when it is rounded.
  it.each([
    { mode: 'int8-weight', symmetric: true, weightStep: 1 / 255, inputStep: 1 / 254 },
    { mode: 'int8-weight', symmetric: false, weightStep: 1 / 255, inputStep: 1 / 254 },
    { mode: 'int4-weight', symmetric: true, weightStep: 1 / 15, inputStep: 1 / 254 },
    { mode: 'int4-weight', symmetric: false, weightStep: 1 / 15, inputStep: 1 / 254 },
    { mode: 'nf4', symmetric: true, weightStep: 0.152, inputStep: 0 },
    { mode: 'fp4', symmetric: true, weightStep: 0.167, inputStep: 0 },
  ])('$mode, symmetric $symmetric: answers are within the bound of the rounding', async (each) => {
    const { mode, symmetric, weightStep, inputStep } = each;
    const model = matMul();
    const rewritten = method(mode)(model, aMethodContext({ blockSize: 16, symmetric }));
    const [before, after] = [await answerOf(model, feeds), await answerOf(rewritten.model, feeds)];
    const weights = model.graph.initializers[0];
    if (weights === undefined) throw new Error('no weights');
    const columns = new Float32Array(DEPTH * COLUMNS);
    const view = columnsOf(weights, { depth: DEPTH, count: COLUMNS, contiguous: false, factor: 1 });
    for (let column = 0; column < COLUMNS; column++) view.read(column, 1, columns.subarray(column * DEPTH));
    const inputs = feeds.x?.data as Float32Array;
    const peak = (values: Float32Array): number => Math.max(...values.map(Math.abs));
    const beyond = after.findIndex((answer, index) => {
      const [row, column] = [Math.floor(index / COLUMNS), index % COLUMNS];
      let bound = 1e-5;
      for (let start = 0; start < DEPTH; start += 16) {
        const size = Math.min(16, DEPTH - start);
        const w = columns.subarray(column * DEPTH + start, column * DEPTH + start + size);
        const x = inputs.subarray(row * DEPTH + start, row * DEPTH + start + size);
        // In 4-bit floats a block may lie across two columns.
        const blockPeak = mode.startsWith('int') ? peak(w) : peak(columns);
        for (const [at, value] of x.entries()) {
          const weight = Math.abs(w[at] ?? 0) + weightStep * blockPeak;
          bound += Math.abs(value) * weightStep * blockPeak + weight * inputStep * peak(x);
        }
      }
      return Math.abs(answer - (before[index] ?? 0)) > bound;
    });
    expect(beyond).toBe(-1);
    expect(cosine(before, after)).toBeGreaterThan(mode.startsWith('int8') ? 0.9999 : 0.985);
    expect(await missingKernels(rewritten.model, rewritten.expectedKernels)).toEqual([]);
  });

  it.each(['int8-weight', 'int4-weight', 'nf4', 'fp4'])('%s: Gemm in all its forms', async (mode) => {
    const net = new NetBuilder(4);
    const turned = net.add('Gemm', ['x', net.weight([COLUMNS, DEPTH]), net.weight([COLUMNS], 1, 'bias')], {
      attributes: { transB: 1, alpha: { float: 0.5 }, beta: { float: -2 } },
    });
    const plain = net.add('Gemm', [turned, net.weight([COLUMNS, 24])]);
    const behindNodes = net.add('Transpose', [net.add('Identity', [net.weight([16, 24], 0.2, 'inner')])], {
      attributes: { perm: [1, 0] },
    });
    net.add('Add', [net.add('MatMul', [plain, behindNodes]), net.weight([16], 0.5)], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', DEPTH] }, outputs: ['y'] });
    const { model: quantized, layers } = method(mode)(model, aMethodContext());
    expect(layers.map(({ outcome }) => outcome)).toEqual(['quantized', 'quantized', 'quantized']);
    expect(quantized.graph.initializers.map(({ name }) => name)).not.toContain('inner');
    const [before, after] = [await answerOf(model, feeds), await answerOf(quantized, feeds)];
    expect(cosine(before, after)).toBeGreaterThan(mode === 'int8-weight' ? 0.9999 : 0.95);
  });
});

describe('nets', () => {
  const x = new NetBuilder(8).normal(2 * 12 * 64);
  const pictures: Feeds = { x: { dims: [2, 3, 32, 32], data: new NetBuilder(8).normal(2 * 3 * 32 * 32) } };

  it.each([
    { mode: 'int8-weight', kernel: 'com.microsoft:MatMulNBits', least: 0.9998 },
    { mode: 'int4-weight', kernel: 'com.microsoft:MatMulNBits', least: 0.98 },
    { mode: 'nf4', kernel: 'com.microsoft:MatMulBnb4', least: 0.98 },
    { mode: 'fp4', kernel: 'com.microsoft:MatMulBnb4', least: 0.97 },
  ])('$mode: an encoder', async ({ mode, kernel, least }) => {
    const model = encoderNet();
    const feeds: Feeds = { x: { dims: [2, 12, 64], data: x } };
    const {
      model: quantized,
      expectedKernels,
      layers,
    } = method(mode)(model, aMethodContext({ blockSize: 64 }));
    expect(Object.fromEntries(expectedKernels)).toEqual({ [kernel]: 12 });
    expect(await missingKernels(quantized, expectedKernels)).toEqual([]);
    expect(cosine(await answerOf(model, feeds), await answerOf(quantized, feeds))).toBeGreaterThan(least);
    const bytes = layers.reduce((sum, { weightBytesAfter }) => sum + weightBytesAfter, 0);
    const written = quantized.graph.initializers
      .filter(({ name }) => /_(int[48]|nf4|fp4)/.test(name))
      .reduce((sum, { data }) => sum + data.length, 0);
    expect(bytes).toBe(written);
  });

  it.each([
    { mode: 'int8-weight', kernels: { DequantizeLinear: 5, 'com.microsoft:MatMulNBits': 1 }, least: 0.9998 },
    { mode: 'int4-weight', kernels: { DequantizeLinear: 3, 'com.microsoft:MatMulNBits': 1 }, least: 0.98 },
    { mode: 'nf4', kernels: { 'com.microsoft:MatMulBnb4': 5 }, least: 0.98 },
    { mode: 'fp4', kernels: { 'com.microsoft:MatMulBnb4': 5 }, least: 0.97 },
  ])('$mode: a convolution net keeps its filters small while it is loaded', async (each) => {
    const model = convolutionNet();
    const { model: quantized, expectedKernels } = method(each.mode)(model, aMethodContext());
    expect(Object.fromEntries(expectedKernels)).toEqual(each.kernels);
    expect(await missingKernels(quantized, expectedKernels)).toEqual([]);
    const answers = [await answerOf(model, pictures), await answerOf(quantized, pictures)] as const;
    expect(cosine(...answers)).toBeGreaterThan(each.least);
    // Nothing has been made floats in advance.
    const { graph } = await optimised(quantized);
    const floats = graph.initializers.filter(({ dataType }) => dataType === DataType.float);
    expect(floats.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(
      model.graph.initializers.reduce((sum, { data }) => sum + data.length, 0) / 3,
    );
  });
});

describe('tables', () => {
  it.each(['int8-weight', 'int4-weight'])('%s: rows are looked up in blocks', async (mode) => {
    const net = new NetBuilder(6);
    const rows = net.add('Gather', [net.weight([700, 96], 0.05), 'ids']);
    net.add('MatMul', [rows, net.weight([96, 8])], { outputs: ['y'] });
    const model = net.model({
      inputs: { ids: { dims: ['n'], type: DataType.int64 } },
      outputs: ['y'],
    });
    const { model: quantized, expectedKernels } = method(mode)(model, aMethodContext({ symmetric: false }));
    expect(expectedKernels.get('com.microsoft:GatherBlockQuantized')).toBe(1);
    expect(await missingKernels(quantized, expectedKernels)).toEqual([]);
    const feeds: Feeds = { ids: { dims: [4], data: BigInt64Array.of(0n, 699n, -1n, 345n) } };
    const [before, after] = [await answerOf(model, feeds), await answerOf(quantized, feeds)];
    expect(cosine(before, after)).toBeGreaterThan(mode === 'int8-weight' ? 0.9998 : 0.98);
  });
});

describe('filters that share their weights', () => {
  it.each(['int8-weight', 'int4-weight', 'nf4'])('%s: they are stored once', async (mode) => {
    const net = new NetBuilder(3);
    const weight = net.weight([16, 16, 1, 1]);
    net.add('Conv', [net.add('Conv', ['x', weight]), weight], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 16, 4, 4] }, outputs: ['y'] });
    const {
      model: quantized,
      layers,
      expectedKernels,
    } = method(mode)(model, aMethodContext({ blockSize: 16 }));
    expect(layers.map(({ weightBytesBefore }) => weightBytesBefore)).toEqual([1024, 0]);
    expect(await missingKernels(quantized, expectedKernels)).toEqual([]);
    const feeds: Feeds = { x: { dims: [1, 16, 4, 4], data: net.normal(256) } };
    const [before, after] = [await answerOf(model, feeds), await answerOf(quantized, feeds)];
    expect(cosine(before, after)).toBeGreaterThan(0.97);
    expect(greatestDifference(before, after)).toBeGreaterThan(0);
  });
});
