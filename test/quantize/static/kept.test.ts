import { describe, expect, it } from 'vitest';
import { nodeOf, tensorOf, valueInfoOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import type { OnnxGraph, OnnxModel } from '#naiad/onnx/model.js';
import type { Rewritten } from '#naiad/quantize/method.js';
import { int8Static, int8StaticValues } from '#naiad/quantize/static/int8-static.js';
import { convolutionNet, NetBuilder } from '../../support/net-builder.js';
import { answerOf, cosine, kernelsOf } from '../../support/ort-runs.js';
import { aMethodContext, aQuantizationSpec } from '../../support/quantization-spec.js';
import { addConv, contextOf, quantized, samplesOf } from './nets.js';

const DIMS = [1, 3, 32, 32];
const NET = convolutionNet();
const CONVS = NET.graph.nodes.filter(({ opType }) => opType === 'Conv').map(({ name }) => name);
const GEMM = NET.graph.nodes.find(({ opType }) => opType === 'Gemm')?.name ?? '';

const namesOf = ({ layers }: Rewritten, outcome: string): string[] =>
  layers.filter((layer) => layer.outcome === outcome).map(({ node }) => node);
const reasonsOf = ({ layers }: Rewritten): string[] =>
  layers.filter(({ outcome }) => outcome === 'kept').map(({ reason }) => reason);

async function count(model: OnnxModel, kernel: string): Promise<number> {
  const kernels = Object.entries(await kernelsOf(model));
  return kernels.reduce((sum, [name, times]) => sum + (name.endsWith(kernel) ? times : 0), 0);
}

describe('what the specification keeps', () => {
  it('excludes nodes by name and by operator', async () => {
    const rewritten = await quantized(NET, samplesOf(DIMS), { exclude: [CONVS[2] ?? '', 'Gemm'] });
    expect(namesOf(rewritten, 'kept')).toEqual([CONVS[2], GEMM]);
    expect(reasonsOf(rewritten)).toEqual(['it is excluded', 'it is excluded']);
  });

  it('includes nothing but what is named', async () => {
    const rewritten = await quantized(NET, samplesOf(DIMS), { include: [CONVS[1] ?? '', CONVS[3] ?? ''] });
    expect(namesOf(rewritten, 'quantized')).toEqual([CONVS[1], CONVS[3]]);
    expect(new Set(reasonsOf(rewritten))).toEqual(new Set(['it is not among those to include']));
  });

  it('keeps the first and the last layers', async () => {
    const rewritten = await quantized(NET, samplesOf(DIMS), { keepFirst: true, keepLast: true });
    expect(namesOf(rewritten, 'kept')).toEqual([CONVS[0], GEMM]);
    expect(reasonsOf(rewritten)).toEqual(['first layers are kept', 'last layers are kept']);
  });

  // ONNX Runtime quantizes weights by itself when it finds them between numbers.
  it('stays in floats, though it stands between numbers', async () => {
    const middle = CONVS[3] ?? '';
    const { model } = await quantized(NET, samplesOf(DIMS), { exclude: [middle] });
    expect(await count(model, 'QLinearConv')).toBe(4);
    const weight = NET.graph.nodes.find(({ name }) => name === middle)?.inputs[1] ?? '';
    expect(model.graph.initializers.map(({ name }) => name)).toContain(weight);
    const [feeds = {}] = samplesOf(DIMS);
    expect(cosine(await answerOf(NET, feeds), await answerOf(model, feeds))).toBeGreaterThan(0.998);
  });

  it('keeps nodes without weights in floats as well', async () => {
    const { model, expectedKernels } = await quantized(NET, samplesOf(DIMS), { exclude: ['Add'] });
    expect(expectedKernels.has('QLinearAdd')).toBe(false);
    expect(await count(model, 'QLinearAdd')).toBe(0);
  });

  it('keeps layers whose ranges nobody has seen, and those only', async () => {
    const context = await contextOf(NET, samplesOf(DIMS));
    const ranges = new Map(context.ranges);
    ranges.delete('x');
    const rewritten = int8Static(NET, { ...context, ranges });
    expect(namesOf(rewritten, 'kept')).toEqual([CONVS[0]]);
    expect(reasonsOf(rewritten)).toEqual(['no range is known of its input']);
  });
});

describe('what has no 8-bit kernel', () => {
  it.each([
    [
      'ConvTranspose',
      (net: NetBuilder) => net.add('ConvTranspose', ['x', net.weight([4, 4, 2, 2])]),
      'ONNX Runtime has no int8 kernel for ConvTranspose',
    ],
    [
      'computed weights',
      (net: NetBuilder) => {
        const factor = net.add('ReduceMean', ['x'], { attributes: { keepdims: 0 } });
        return net.add('Conv', ['x', net.add('Mul', [net.weight([4, 4, 1, 1]), factor])]);
      },
      'its weights are not constant',
    ],
    [
      'a matrix product of two activations',
      (net: NetBuilder) => net.add('MatMul', ['x', 'x']),
      'its weights are not constant',
    ],
    [
      'a matrix in front',
      (net: NetBuilder) => net.add('MatMul', [net.weight([8, 8]), 'x']),
      'its weights are not constant',
    ],
    [
      'matrices in a stack',
      (net: NetBuilder) => net.add('MatMul', ['x', net.weight([4, 8, 8])]),
      'its weights have 3 dimensions',
    ],
  ])('stays in floats and says why: %s', async (_, build, reason) => {
    const net = new NetBuilder();
    const odd = build(net);
    net.add('Conv', ['x', net.weight([2, 4, 3, 3])], { outputs: ['z'] });
    net.add('Exp', [odd], { outputs: ['y'] });
    const model = net.model({ inputs: { x: [1, 4, 8, 8] }, outputs: ['y', 'z'] });
    const rewritten = await quantized(model, samplesOf([1, 4, 8, 8]));
    expect(reasonsOf(rewritten)).toEqual([reason]);
    expect(namesOf(rewritten, 'quantized')).toHaveLength(1);
  });

  it('leaves graphs inside nodes alone, which find what they take', async () => {
    const net = new NetBuilder();
    const features = net.add('Relu', [addConv(net, 'x', { inputs: 4, outputs: 4, kernel: [3, 3] })]);
    const inner = (opType: string): OnnxGraph => ({
      ...net.model({ inputs: {}, outputs: [] }).graph,
      name: opType,
      nodes: [nodeOf(opType, [features], [`${opType}_inside`])],
      initializers: [],
      outputs: [valueInfoOf(`${opType}_inside`, DataType.float, null)],
    });
    const mean = net.add('ReduceMean', [features], { attributes: { keepdims: 0 } });
    const large = net.add('Greater', [mean, net.floats([], [0.2])]);
    net.nodes.push(
      nodeOf('If', [large], ['y'], {
        attributes: { then_branch: { graph: inner('Exp') }, else_branch: { graph: inner('Neg') } },
      }),
    );
    addConv(net, features, { inputs: 4, outputs: 2, kernel: [1, 1] });
    net.nodes[net.nodes.length - 1] = { ...(net.nodes.at(-1) ?? nodeOf('', [], [])), outputs: ['z'] };
    const model = net.model({ inputs: { x: [1, 4, 6, 6] }, outputs: ['y', 'z'] });
    const [feeds = {}] = samplesOf([1, 4, 6, 6]);
    const { model: rewritten } = await quantized({ ...model }, [feeds]);
    const single = (each: OnnxModel): OnnxModel => ({
      ...each,
      graph: { ...each.graph, outputs: each.graph.outputs.slice(0, 1) },
    });
    expect(
      cosine(await answerOf(single(model), feeds), await answerOf(single(rewritten), feeds)),
    ).toBeGreaterThan(0.999);
  });
});

describe('what can not be quantized', () => {
  const layer = (weights: Float32Array, bias = new Float32Array(2)): OnnxModel => {
    const net = new NetBuilder();
    net.add('Conv', ['x', net.floats([2, 4, 1, 1], weights, 'w'), net.floats([2], bias, 'b')], {
      outputs: ['y'],
    });
    return net.model({ inputs: { x: [1, 4, 2, 2] }, outputs: ['y'] });
  };
  const ranges = new Map([
    ['x', { min: -1, max: 1 }],
    ['y', { min: -1, max: 1 }],
  ]);

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('weights with %s', (value) => {
    const weights = new Float32Array(8).fill(0.5);
    weights[3] = value;
    expect(() => int8Static(layer(weights), aMethodContext({}, { ranges }))).toThrow(
      "the tensor 'w' holds NaN or infinities",
    );
    const bias = Float32Array.of(0, value);
    expect(() => int8Static(layer(new Float32Array(8), bias), aMethodContext({}, { ranges }))).toThrow(
      "the tensor 'b' holds NaN or infinities",
    );
  });

  it('a model that is quantized already', async () => {
    const once = await quantized(NET, samplesOf(DIMS));
    expect(() => int8Static(once.model, aMethodContext())).toThrow(
      /^the model is quantized already: it has .*DequantizeLinear/,
    );
    expect(() => int8StaticValues(once.model, aQuantizationSpec())).toThrow('quantized already');
    for (const operator of ['MatMulNBits', 'QOrderedMatMul', 'QEmbedLayerNormalization']) {
      const net = new NetBuilder();
      net.add(operator, ['x'], { domain: 'com.microsoft', outputs: ['y'] });
      const other = net.model({ inputs: { x: [1] }, outputs: ['y'] });
      expect(() => int8Static(other, aMethodContext())).toThrow(`it has 1 ${operator}`);
    }
  });

  it('a model without layers, or with none left', () => {
    const net = new NetBuilder();
    net.add('Relu', ['x'], { outputs: ['y'] });
    const plain = net.model({ inputs: { x: [1, 4] }, outputs: ['y'] });
    expect(() => int8Static(plain, aMethodContext())).toThrow(
      'nothing of the model can be quantized: it has no layers with weights',
    );
    const context = aMethodContext({ exclude: ['Conv'] }, { ranges });
    expect(() => int8Static(layer(new Float32Array(8)), context)).toThrow(
      'nothing of the model can be quantized: it is excluded',
    );
  });

  it('yet layers whose weights, inputs or answers are all zero are', async () => {
    const model = layer(new Float32Array(8), Float32Array.of(0.25, 0));
    const zero = { x: { dims: [1, 4, 2, 2], data: new Float32Array(16) } };
    const { model: rewritten } = await quantized(model, [zero]);
    const answer = await answerOf(rewritten, zero);
    expect([...answer.slice(0, 4)].map((value) => Math.round(value * 1000))).toEqual([250, 250, 250, 250]);
    expect([...answer.slice(4)]).toEqual([0, 0, 0, 0]);
  });

  it('and tensors of other floats are left alone', async () => {
    const net = new NetBuilder();
    net.initializers.push(tensorOf('double', DataType.double, [4, 4, 1, 1], new Float64Array(16).fill(0.1)));
    net.add('Conv', ['wide', 'double'], { outputs: ['y'] });
    net.add('Conv', ['x', net.weight([4, 4, 1, 1])], { outputs: ['z'] });
    const model = net.model({
      inputs: { x: [1, 4, 2, 2], wide: { dims: [1, 4, 2, 2], type: DataType.double } },
      outputs: { y: DataType.double, z: DataType.float },
    });
    const context = aMethodContext({}, { ranges: new Map([...ranges, ['z', { min: -1, max: 1 }]]) });
    expect(reasonsOf(int8Static(model, context))).toEqual(['its weights are double']);
  });
});
