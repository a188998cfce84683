import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import { simplify } from '#naiad/quantize/simplify.js';
import { NetBuilder } from '../support/net-builder.js';
import { answerOf, greatestDifference } from '../support/ort-runs.js';

/** A net as converters write it: rows of pixels, packed weights, norms and biases by themselves. */
function convertedNet() {
  const net = new NetBuilder(3);
  const nchw = net.add('Transpose', ['x'], { attributes: { perm: [0, 3, 1, 2] } });
  net.initializers.push(
    tensorOf(
      'codes',
      DataType.uint8,
      [4, 3, 3, 3],
      Uint8Array.from({ length: 108 }, (_, i) => i % 16),
    ),
  );
  const places = net.add('Cast', ['codes'], { attributes: { to: DataType.int32 } });
  const unpacked = net.add('Gather', [net.weight([16], 0.3), places]);
  const conv = net.add('Conv', [nchw, unpacked], { name: 'stem' });
  const statistics = [
    net.weight([4], 1),
    net.weight([4], 1),
    net.weight([4], 1),
    net.floats([4], [1, 2, 3, 4]),
  ];
  const norm = net.add('BatchNormalization', [conv, ...statistics]);
  const rows = net.add('Transpose', [norm], { attributes: { perm: [0, 2, 3, 1] } });
  const biased = net.add('Add', [rows, net.weight([4], 1)]);
  const flat = net.add('Reshape', [biased, net.ints([-1, 36 * 4])]);
  const product = net.add('MatMul', [flat, net.weight([144, 5])], { name: 'head' });
  net.add('Add', [product, net.weight([5], 1)], { outputs: ['y'] });
  return net.model({ inputs: { x: ['n', 8, 8, 3] }, outputs: ['y'] });
}

it('computes constants, folds what can be folded, and keeps names and answers', async () => {
  const model = convertedNet();
  const simple = await simplify(encodeModel(model));
  const feeds = { x: { dims: [2, 8, 8, 3], data: new NetBuilder(5).normal(2 * 192) } };
  expect(greatestDifference(await answerOf(model, feeds), await answerOf(simple, feeds))).toBeLessThan(1e-4);
  const layers = simple.graph.nodes.filter(({ opType }) => ['Conv', 'Gemm', 'MatMul'].includes(opType));
  expect(layers.map(({ opType, name }) => [opType, name])).toEqual([
    ['Conv', 'stem'],
    ['Gemm', 'head'],
  ]);
  const opTypes = simple.graph.nodes.map(({ opType }) => opType);
  expect(opTypes.filter((opType) => ['BatchNormalization', 'Gather', 'Cast'].includes(opType))).toEqual([]);
  expect(simple.opsets.map(({ domain }) => domain)).toEqual(['']);
});

it('reads files as well as bytes, and gives the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
  try {
    const bytes = encodeModel(convertedNet());
    writeFileSync(join(folder, 'model.onnx'), bytes);
    const [fromFile, fromBytes] = [await simplify(join(folder, 'model.onnx')), await simplify(bytes)];
    expect(fromFile.graph.nodes).toEqual(fromBytes.graph.nodes);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('passes on what ONNX Runtime says of a model that it can not load', async () => {
  await expect(simplify(Uint8Array.of(1, 2, 3))).rejects.toThrow(/protobuf/i);
  await expect(simplify('/nowhere/model.onnx')).rejects.toThrow(/nowhere/);
});
