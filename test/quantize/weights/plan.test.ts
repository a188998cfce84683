import { describe, expect, it } from 'vitest';
import { intAttribute } from '#naiad/onnx/attributes.js';
import { tensorOf } from '#naiad/onnx/build.js';
import { checkModel } from '#naiad/onnx/check-model.js';
import { DataType } from '#naiad/onnx/data-type.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import type { LayerReport } from '#naiad/quantize/method.js';
import { int4Weight, int8Weight, nf4 } from '#naiad/quantize/weights/weight-only.js';
import { convolutionNet, encoderNet, NetBuilder } from '../../support/net-builder.js';
import { aMethodContext } from '../../support/quantization-spec.js';

/** x [n, 32] times three matrices, called `first`, `second` and `third`. */
function threeLayers(): OnnxModel {
  const net = new NetBuilder();
  const first = net.add('MatMul', ['x', net.weight([32, 32], 1, 'a')], { name: 'first' });
  const second = net.add('MatMul', [first, net.weight([32, 32], 1, 'b')], { name: 'second' });
  net.add('MatMul', [second, net.weight([32, 8], 1, 'c')], { name: 'third', outputs: ['y'] });
  return net.model({ inputs: { x: ['n', 32] }, outputs: ['y'] });
}

/** A net with one node in question and one layer behind it that can be quantized. */
function withNode(add: (net: NetBuilder) => string): OnnxModel {
  const net = new NetBuilder();
  const found = add(net);
  net.add('MatMul', [found, net.weight([32, 8], 1)], { name: 'plain', outputs: ['y'] });
  return net.model({ inputs: { x: ['n', 32], pictures: ['n', 4, 8, 8] }, outputs: ['y'] });
}

const quantized = (layers: readonly LayerReport[]): string[] =>
  layers.filter(({ outcome }) => outcome === 'quantized').map(({ node }) => node);

const reasonOf = (layers: readonly LayerReport[], node: string): string | undefined =>
  layers.find((layer) => layer.node === node)?.reason;

const opsOf = (model: OnnxModel): string[] => model.graph.nodes.map(({ opType }) => opType);

describe('which layers are taken', () => {
  it.each([
    { spec: {}, taken: ['first', 'second', 'third'] },
    { spec: { exclude: ['second'] }, taken: ['first', 'third'] },
    { spec: { include: ['second'] }, taken: ['second'] },
    { spec: { include: ['MatMul'], exclude: ['first'] }, taken: ['second', 'third'] },
    { spec: { keepFirst: true, keepLast: true }, taken: ['second'] },
  ])('$spec', ({ spec, taken }) => {
    const { model, layers } = nf4(threeLayers(), aMethodContext(spec));
    expect(quantized(layers)).toEqual(taken);
    expect(opsOf(model).filter((op) => op === 'MatMulBnb4')).toHaveLength(taken.length);
    expect(layers.map(({ node }) => node)).toEqual(['first', 'second', 'third']);
    checkModel(model);
  });

  it.each<{ reason: string; add: (net: NetBuilder) => string }>([
    {
      reason: 'its weights have 3 dimensions',
      add: (net) => net.add('MatMul', ['x', net.weight([2, 32, 32])], { name: 'found' }),
    },
    {
      reason: 'its weights are on the left side',
      add: (net) => net.add('MatMul', [net.weight([16, 32]), net.add('Transpose', ['x'])], { name: 'found' }),
    },
    {
      reason: 'its input is transposed',
      add: (net) =>
        net.add('Gemm', ['x', net.weight([32, 32])], { name: 'found', attributes: { transA: 1 } }),
    },
    {
      reason: 'its bias is scaled, and no constant',
      add: (net) =>
        net.add('Gemm', ['x', net.weight([32, 32]), 'x'], {
          name: 'found',
          attributes: { beta: { float: 2 } },
        }),
    },
    {
      reason: 'its weights would take 24 bytes in place of 8',
      add: (net) => net.add('MatMul', ['x', net.weight([1, 2])], { name: 'found' }),
    },
    {
      reason: 'no kernel takes the weights of GRU in blocks',
      add: (net) =>
        net.add('GRU', ['x', net.weight([1, 96, 32]), net.weight([1, 96, 32])], { name: 'found' }),
    },
    {
      reason: "its filters of 9 weights can't be divided into blocks",
      add: (net) => net.add('Conv', ['pictures', net.weight([4, 1, 3, 3])], { name: 'found' }),
    },
    {
      reason: "its rows of 33 weights can't be divided into blocks",
      add: (net) => net.add('Gather', [net.weight([2000, 33]), 'x'], { name: 'found' }),
    },
  ])('kept: $reason', ({ reason, add }) => {
    const { layers } = int4Weight(withNode(add), aMethodContext());
    expect(reasonOf(layers, 'found')).toBe(reason);
    expect(quantized(layers)).toEqual(['plain']);
  });

  it('a vector is multiplied as it is', () => {
    const facts = new Map([['x', { elemType: DataType.float, shape: [32] }]]);
    const { layers } = nf4(threeLayers(), aMethodContext({}, { facts }));
    expect(reasonOf(layers, 'first')).toBe('its input is a vector');
  });

  it('weights that a caller may replace are kept', () => {
    const model = threeLayers();
    const inputs = [
      ...model.graph.inputs,
      ...threeLayers().graph.inputs.map((info) => ({ ...info, name: 'b' })),
    ];
    const { layers } = nf4({ ...model, graph: { ...model.graph, inputs } }, aMethodContext());
    expect(reasonOf(layers, 'second')).toBe('its weights are an input with a default');
  });

  it('initializers that an old file lists as inputs are constants', () => {
    const model = threeLayers();
    const inputs = [...model.graph.inputs, ...model.graph.inputs.map((info) => ({ ...info, name: 'b' }))];
    const old = { ...model, irVersion: 3, graph: { ...model.graph, inputs } };
    const { layers, model: rewritten } = nf4(old, aMethodContext());
    expect(quantized(layers)).toEqual(['first', 'second', 'third']);
    expect(rewritten.graph.inputs.map(({ name }) => name)).toEqual(['x']);
    expect(rewritten.irVersion).toBe(4);
  });

  it('weights that are needed in floats elsewhere are not stored twice', () => {
    const net = new NetBuilder();
    const table = net.weight([4000, 32], 1, 'table');
    const rows = net.add('Gather', [table, 'ids'], { name: 'lookup' });
    const turned = net.add('Transpose', [table], { attributes: { perm: [1, 0] } });
    net.add('MatMul', [net.add('MatMul', [rows, net.weight([32, 32])], { name: 'inner' }), turned], {
      name: 'head',
      outputs: ['y'],
    });
    const model = net.model({ inputs: { ids: { dims: ['n'], type: DataType.int64 } }, outputs: ['y'] });
    const floats = nf4(model, aMethodContext());
    expect(quantized(floats.layers)).toEqual(['inner']);
    expect(reasonOf(floats.layers, 'head')).toBe("Gather 'lookup' needs its weights in floats");
    // Where tables can be looked up in integers, both are.
    const integers = int4Weight(model, aMethodContext());
    expect(quantized(integers.layers)).toEqual(['lookup', 'inner', 'head']);
    expect(integers.model.graph.initializers.map(({ name }) => name)).not.toContain('table');
    checkModel(integers.model);
  });
});

describe('what is refused', () => {
  it.each([
    { method: 'nf4', spec: { blockSize: 512 }, text: 'blocks of 512 weights are not possible' },
    { method: 'int8', spec: { blockSize: 48 }, text: 'blocks of 48 weights are not possible' },
    {
      method: 'nf4',
      spec: { exclude: ['MatMul'] },
      text: 'nothing of the model can be quantized: it is excluded',
    },
  ])('$method $spec', ({ method, spec, text }) => {
    expect(() => (method === 'nf4' ? nf4 : int8Weight)(threeLayers(), aMethodContext(spec))).toThrow(text);
  });

  it('models without weights', () => {
    const net = new NetBuilder();
    net.add('Relu', ['x'], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n'] }, outputs: ['y'] });
    expect(() => nf4(model, aMethodContext())).toThrow(
      'nothing of the model can be quantized: it has no layers with weights',
    );
  });

  it('what is quantized already', () => {
    const { model } = nf4(threeLayers(), aMethodContext());
    expect(() => int4Weight(model, aMethodContext())).toThrow(
      'the model is quantized already: it has 3 MatMulBnb4',
    );
  });

  it.each([nf4, int4Weight, int8Weight])('weights that are not finite, by name', (method) => {
    const model = threeLayers();
    const initializers = model.graph.initializers.map((tensor) =>
      tensor.name === 'b'
        ? tensorOf('b', DataType.float, [32, 32], new Float32Array(1024).fill(Number.NaN, 1023))
        : tensor,
    );
    const unsound = { ...model, graph: { ...model.graph, initializers } };
    expect(() => method(unsound, aMethodContext())).toThrow("the weights 'b' hold NaN or infinities");
  });
});

describe('the model as a whole', () => {
  it('the same goes in and comes out, and equal models give equal ones', () => {
    const model = encoderNet();
    const before = structuredClone(model);
    const once = int4Weight(model, aMethodContext());
    expect(model).toEqual(before);
    expect(int4Weight(encoderNet(), aMethodContext())).toEqual(once);
    expect(once.model.graph.inputs).toEqual(model.graph.inputs);
    expect(once.model.graph.outputs).toEqual(model.graph.outputs);
    checkModel(once.model);
  });

  it('names are free even where the model has taken them', () => {
    const net = new NetBuilder();
    const taken = net.add('Relu', ['x'], { outputs: ['w_nf4'], name: 'y' });
    net.add('Gemm', [taken, net.weight([32, 8], 1, 'w'), net.weight([8], 1, 'y_product')], {
      outputs: ['y'],
      name: '',
    });
    const model = net.model({ inputs: { x: ['n', 32] }, outputs: ['y'] });
    checkModel(nf4(model, aMethodContext()).model);
  });

  it.each([
    { method: int8Weight, opset: 9, needed: 13, irVersion: 7 },
    { method: int4Weight, opset: 13, needed: 21, irVersion: 10 },
    { method: nf4, opset: 9, needed: 9, irVersion: 4 },
  ])('the opset is raised from $opset to $needed for filters', ({ method, opset, needed, irVersion }) => {
    const plain = convolutionNet();
    const old = { ...plain, irVersion: 4, opsets: [{ domain: '', version: opset }] };
    const { model } = method(old, aMethodContext());
    expect(model.opsets).toEqual([
      { domain: '', version: needed },
      { domain: 'com.microsoft', version: 1 },
    ]);
    expect(model.irVersion).toBe(irVersion);
    // Products alone need no other opset.
    const products = method({ ...old, graph: encoderNet().graph }, aMethodContext());
    expect(products.model.opsets[0]?.version).toBe(opset);
  });

  it('filters are kept where the opset is out of reach', () => {
    const net = new NetBuilder();
    const pictures = net.add('Upsample', ['x', net.floats([4], [1, 1, 0.5, 0.5])], {
      attributes: { mode: 'nearest' },
    });
    const filtered = net.add('Conv', [pictures, net.weight([8, 32, 1, 1])], { name: 'conv' });
    const features = net.add('Flatten', [net.add('GlobalAveragePool', [filtered])]);
    net.add('Gemm', [features, net.weight([8, 32])], { outputs: ['y'], name: 'gemm' });
    const model = net.model({ inputs: { x: ['n', 32, 4, 4] }, outputs: ['y'], opset: 9 });
    const { layers } = int4Weight(model, aMethodContext());
    expect(quantized(layers)).toEqual(['gemm']);
    expect(reasonOf(layers, 'conv')).toContain('it rounds in another way');
  });

  it('blocks reach no further than the weights', () => {
    const net = new NetBuilder();
    net.add('MatMul', ['x', net.weight([40, 16])], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 40] }, outputs: ['y'] });
    const [node] = int8Weight(model, aMethodContext({ blockSize: 256 })).model.graph.nodes;
    expect(node === undefined ? 0 : intAttribute(node, 'block_size', 0)).toBe(64);
  });

  it('large models are rewritten in seconds, in little memory', () => {
    const net = new NetBuilder();
    // 12 MB at a place in the file that no float may lie at.
    const bytes = new Uint8Array(1024 * 3072 * 4 + 1).fill(61);
    net.initializers.push(tensorOf('w', DataType.float, [1024, 3072], bytes.subarray(1)));
    net.add('MatMul', ['x', 'w'], { outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', 1024] }, outputs: ['y'] });
    const before = process.memoryUsage().arrayBuffers;
    const { model: small } = nf4(model, aMethodContext());
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(grown).toBeLessThan(8e6);
    expect(small.graph.initializers.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(2e6);
  });
});
