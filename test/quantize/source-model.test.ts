import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import type { OnnxModel } from '#naiad/onnx/model.js';
import { shapeFacts } from '#naiad/quantize/calibration/shape-facts.js';
import { importMethod, type MethodMode } from '#naiad/quantize/methods.js';
import { readSource } from '#naiad/quantize/source-model.js';
import { NetBuilder } from '../support/net-builder.js';
import { onnxModel } from '../support/onnx.js';
import { aQuantizationSpec } from '../support/quantization-spec.js';

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'naiad-test-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const DEPTH = 64;

function write(model: OnnxModel): string {
  const path = join(folder, 'model.onnx');
  writeFileSync(path, encodeModel(model));
  return path;
}

const opTypes = ({ graph }: OnnxModel): string[] => graph.nodes.map(({ opType }) => opType);

/** A MatMul with a bias whose weights are packed numbers on 16 levels, and one whose weights lie crosswise. */
function packedNet(): OnnxModel {
  const net = new NetBuilder(3);
  const codes = Uint8Array.from({ length: DEPTH * DEPTH }, (_, index) => (index * 7) % 16);
  net.initializers.push(tensorOf('codes', DataType.uint8, [DEPTH, DEPTH], codes));
  const places = net.add('Cast', ['codes'], { attributes: { to: DataType.int32 } });
  const unpacked = net.add('Gather', [net.weight([16], 0.3), places]);
  const product = net.add('MatMul', ['x', unpacked], { name: 'packed' });
  const sum = net.add('Add', [product, net.weight([DEPTH], 0.1)], { name: 'bias' });
  const crosswise = net.add('Transpose', [net.weight([DEPTH, DEPTH])], { attributes: { perm: [1, 0] } });
  net.add('MatMul', [sum, crosswise], { name: 'crosswise', outputs: ['y'] });
  return net.model({ inputs: { x: ['n', DEPTH] }, outputs: ['y'] });
}

describe('the model that a method takes', () => {
  it('has weights that are constants, products apart from what is added', async () => {
    const { model, reason } = await readSource(write(packedNet()), 'apart');
    expect(reason).toBe('');
    expect(opTypes(model)).toEqual(['MatMul', 'Add', 'MatMul']);
    expect(model.graph.nodes.map(({ name }) => name)).toEqual(['packed', 'bias', 'crosswise']);
  });

  it('has products joined with what is added for methods that take them so', async () => {
    const { model } = await readSource(write(packedNet()), 'joined');
    expect(opTypes(model)).toEqual(['Gemm', 'MatMul']);
  });

  it('is as the file has it where ONNX Runtime would compute in single precision', async () => {
    const net = new NetBuilder(4);
    const halves = new Uint16Array(DEPTH * DEPTH).fill(0x3c00);
    net.initializers.push(tensorOf('w', DataType.float16, [DEPTH, DEPTH], halves));
    net.add('MatMul', ['x', 'w'], { outputs: ['y'] });
    const half = { dims: ['n', DEPTH], type: DataType.float16 };
    const path = write(net.model({ inputs: { x: half }, outputs: { y: DataType.float16 } }));
    const { model, reason } = await readSource(path, 'apart');
    expect(reason).toBe('');
    expect(opTypes(model)).toEqual(['MatMul']);
    expect(model.graph.initializers.map(({ dataType }) => dataType)).toEqual([DataType.float16]);
  });

  it('is as the file has it where its weights are more than one file may have', async () => {
    const columns = 2 ** 29 / DEPTH;
    const weights = join(folder, 'w.bin');
    writeFileSync(weights, '');
    // Takes no room: nothing is written to it.
    truncateSync(weights, DEPTH * columns * 4);
    const path = join(folder, 'model.onnx');
    const net = onnxModel({
      inputs: [{ name: 'x', type: 'FP32', dims: ['n', DEPTH] }],
      outputs: [{ name: 'y', type: 'FP32', dims: ['n', columns] }],
      initializers: [{ name: 'w', type: 'FP32', dims: [DEPTH, columns], data: { file: 'w.bin' } }],
      nodes: [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['product'] },
        { op: 'Identity', inputs: ['product'], outputs: ['y'] },
      ],
    });
    writeFileSync(path, net);
    const { model, reason } = await readSource(path, 'apart');
    expect(reason).toBe('it has 2 GiB of weights or more');
    expect(opTypes(model)).toEqual(['MatMul', 'Identity']);
  });

  it('is as the file has it, and it is said why, where ONNX Runtime can not load it', async () => {
    const net = new NetBuilder(6);
    net.add('OfAnotherMachine', ['x'], { domain: 'com.example', outputs: ['y'] });
    const model = net.model({ inputs: { x: ['n', DEPTH] }, outputs: ['y'] });
    const opsets = [...model.opsets, { domain: 'com.example', version: 1 }];
    const source = await readSource(write({ ...model, opsets }), 'joined');
    expect(source.reason).toMatch(/OfAnotherMachine/);
    expect(opTypes(source.model)).toEqual(['OfAnotherMachine']);
  });

  it('is none when there is no file', async () => {
    await expect(readSource(join(folder, 'none.onnx'), 'apart')).rejects.toThrow(/none\.onnx/);
  });
});

describe('weights that are packed, or lie crosswise', () => {
  const MODES: readonly MethodMode[] = ['int8-dynamic', 'int8-weight', 'int4-weight', 'nf4', 'fp4', 'fp16'];

  it.each(MODES)('are quantized in %s', async (mode) => {
    const { form, quantize } = await importMethod(mode);
    const { model } = await readSource(write(packedNet()), form);
    const { layers } = quantize(model, {
      spec: aQuantizationSpec({ mode }),
      ranges: new Map(),
      facts: await shapeFacts(model),
    });
    const quantized = layers.filter(({ outcome }) => outcome === 'quantized').map(({ node }) => node);
    expect(quantized).toEqual(expect.arrayContaining(['packed', 'crosswise']));
  });
});
