import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';
import { seededRandom } from '#naiad/lib/random.js';
import type { QuantizationMode, QuantizationSpec } from '#naiad/model-config/quantization.js';
import { readQuantizationSettings } from '#naiad/model-config/quantization-parameters.js';
import type { Quantized } from '#naiad/quantize/engine.js';
import { openSession } from '#naiad/worker/build/ort-session.js';
import { quantizeForServing, type ServingQuantization } from '#naiad/worker/build/quantize-for-serving.js';
import { encodeSample } from '#naiad/worker/build/recorded-sample.js';
import { instanceOptions } from '../../support/instances.js';
import { type OnnxInitializer, onnxModel } from '../../support/onnx.js';

const { version: ORT_VERSION } = createRequire(import.meta.url)('onnxruntime-node/package.json') as {
  version: string;
};

const SIZE = 16;
const CLASSES = 8;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'naiad-quantize-'));
  mkdirSync(join(folder, 'out'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Numbers of a bell about zero, nearly. */
function weights(name: string, dims: readonly number[], seed: number): OnnxInitializer {
  const random = seededRandom(seed);
  const count = dims.reduce((product, dim) => product * dim, 1);
  const scale = Math.sqrt(6 / dims.slice(1).reduce((product, dim) => product * dim, 1));
  const data = Array.from({ length: count }, () => scale * (random() + random() + random() - 1.5));
  return { name, type: 'FP32', dims, data };
}

/** [n,3,16,16] -> [n,8]: two convolutions and a matrix product. */
function convNet(): Uint8Array {
  const pads = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', dims: ['n', 3, SIZE, SIZE] }],
    outputs: [{ name: 'Y', type: 'FP32', dims: ['n', CLASSES] }],
    initializers: [
      weights('first', [16, 3, 3, 3], 1),
      weights('second', [32, 16, 3, 3], 2),
      weights('last', [32, CLASSES], 3),
    ],
    nodes: [
      { op: 'Conv', inputs: ['X', 'first'], outputs: ['a'], attributes: pads },
      { op: 'Relu', inputs: ['a'], outputs: ['b'] },
      { op: 'Conv', inputs: ['b', 'second'], outputs: ['c'], attributes: pads },
      { op: 'Relu', inputs: ['c'], outputs: ['d'] },
      { op: 'GlobalAveragePool', inputs: ['d'], outputs: ['e'] },
      { op: 'Flatten', inputs: ['e'], outputs: ['f'] },
      { op: 'MatMul', inputs: ['f', 'last'], outputs: ['Y'] },
    ],
  });
}

/** [n,128] -> [n,64]: two matrix products. */
function perceptron(): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', dims: ['n', 128] }],
    outputs: [{ name: 'Y', type: 'FP32', dims: ['n', 64] }],
    initializers: [weights('first', [128, 128], 1), weights('last', [128, 64], 2)],
    nodes: [
      { op: 'MatMul', inputs: ['X', 'first'], outputs: ['a'] },
      { op: 'Relu', inputs: ['a'], outputs: ['b'] },
      { op: 'MatMul', inputs: ['b', 'last'], outputs: ['Y'] },
    ],
  });
}

function aSpec(mode: QuantizationMode, settings: Record<string, string> = {}): QuantizationSpec {
  const given = new Map(Object.entries({ mode, calibration: 'samples', ...settings }));
  const { spec, problems } = readQuantizationSettings(given);
  if (spec === null) throw new Error(JSON.stringify(problems));
  return spec;
}

function npy(values: Float32Array, shape: readonly number[]): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`.padEnd(117);
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from(`${header}\n`),
    Buffer.from(values.buffer),
  ]);
}

function randomFloats(count: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => random() * 2 - 1);
}

/** Writes samples into a folder and tells its path. */
function samples(files: Readonly<Record<string, Uint8Array>>): string {
  const directory = join(folder, 'samples');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

function someArrays(shape: readonly number[], count = 6): string {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const files = Array.from({ length: count }, (_, index) => [
    `${index}.npy`,
    npy(randomFloats(size, index + 10), shape),
  ]);
  return samples(Object.fromEntries(files));
}

function quantize(
  model: Uint8Array,
  spec: QuantizationSpec,
  overrides: Partial<ServingQuantization> = {},
): Promise<Quantized> {
  const modelFile = join(folder, 'model.onnx');
  writeFileSync(modelFile, model);
  return quantizeForServing(
    {
      options: instanceOptions({ modelFile }),
      bytes: model.length,
      spec,
      samples: null,
      images: new Map(),
      classOutputs: new Set(),
      shapes: new Map(),
      directory: join(folder, 'out'),
      work: join(folder, 'work'),
      ...overrides,
    },
    systemClock,
  );
}

const written = (): string[] => readdirSync(join(folder, 'out')).sort();

describe('a quantized model', () => {
  it.each<[QuantizationMode, () => Uint8Array, readonly number[], string]>([
    ['int8', convNet, [3, SIZE, SIZE], 'QLinearConv'],
    ['int8-dynamic', perceptron, [128], 'DynamicQuantizeMatMul'],
    ['int8-weight', perceptron, [128], 'MatMulNBits'],
    ['int4-weight', perceptron, [128], 'MatMulNBits'],
    ['nf4', perceptron, [128], 'MatMulBnb4'],
    ['fp4', perceptron, [128], 'MatMulBnb4'],
    ['fp16', perceptron, [128], 'MatMul'],
  ])('in %s answers nearly as the original', async (mode, model, shape, kernel) => {
    const { report, compiled } = await quantize(model(), aSpec(mode, { min_cosine: '0.9' }), {
      samples: someArrays(shape),
    });
    expect(report).toMatchObject({ outcome: 'quantized', reason: '', requested: mode, mode });
    expect(report.outputs).toMatchObject([{ name: 'Y', nonFinite: 0, otherShapes: 0 }]);
    expect(report.samples).toEqual({ kind: 'folder', count: 6 });
    // ONNX Runtime 1.30 does not write optimised graphs with MatMulNBits: they are loaded as they are.
    const isWritten = kernel !== 'MatMulNBits' || ORT_VERSION.startsWith('1.26.');
    if (isWritten) expect(Object.keys(report.kernels).join()).toContain(kernel);
    expect(report.layers.quantized).toBeGreaterThan(0);
    expect(compiled).toBe(isWritten);
    expect(written()).toContain('model.onnx');
    expect(existsSync(join(folder, 'work'))).toBe(false);
    const session = await openSession(
      instanceOptions({ modelFile: join(folder, 'out', 'model.onnx'), compiled }),
    );
    expect(session.description.inputs.map(({ name }) => name)).toEqual(['X']);
    await session.release();
  });

  it.each<[QuantizationMode, () => Uint8Array, readonly number[], string, string]>([
    ['int8', convNet, [3, SIZE, SIZE], 'Cnov, MatMul', 'Conv'],
    ['int8-dynamic', perceptron, [128], 'MatMull,Relu', 'MatMul'],
  ])('in %s says which names it does not have', async (mode, model, shape, exclude, meant) => {
    const [wrong] = exclude.split(',');
    const { report } = await quantize(model(), aSpec(mode, { exclude, keep_ops: 'Softmax' }), {
      samples: someArrays(shape),
    });
    expect(report.outcome).toBe('quantized');
    expect(report.findings).toEqual([
      `exclude: there is no node or operator '${wrong}', did you mean '${meant}'?`,
      "keep_ops: there is no operator 'Softmax'",
    ]);
  });

  it('needs no folder of temporary files', async () => {
    vi.stubEnv('TMPDIR', '/nowhere');
    try {
      const { report } = await quantize(convNet(), aSpec('int8'), { samples: someArrays([3, SIZE, SIZE]) });
      expect(report).toMatchObject({ outcome: 'quantized', findings: [] });
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('in half precision keeps what leaves it, however rarely that is seen', async () => {
    // One column in 128 is far larger than the others.
    const data = Array.from(randomFloats(128 * 128, 1), (value, at) => (at % 128 === 0 ? 4e4 : 1) * value);
    const first: OnnxInitializer = { name: 'first', type: 'FP32', dims: [128, 128], data };
    const model = onnxModel({
      inputs: [{ name: 'X', type: 'FP32', dims: ['n', 128] }],
      outputs: [{ name: 'Y', type: 'FP32', dims: ['n', 64] }],
      initializers: [first, weights('last', [128, 64], 2)],
      nodes: [
        { op: 'MatMul', inputs: ['X', 'first'], outputs: ['a'] },
        { op: 'Softsign', inputs: ['a'], outputs: ['b'] },
        { op: 'MatMul', inputs: ['b', 'last'], outputs: ['Y'] },
      ],
    });
    const settings = { calibration_method: 'percentile', percentile: '90', min_cosine: '0.999' };
    const { report } = await quantize(model, aSpec('fp16', settings), { samples: someArrays([128]) });
    expect(report).toMatchObject({ outcome: 'quantized', layers: { quantized: 1 } });
    expect(Object.keys(report.layers.reasons).join()).toMatch(/^'a' reaches /);
  });

  it('in half precision takes inputs that leave it as they are', async () => {
    const model = onnxModel({
      inputs: [{ name: 'X', type: 'FP32', dims: ['n', 128] }],
      outputs: [{ name: 'Y', type: 'FP32', dims: ['n', 64] }],
      initializers: [weights('last', [128, 64], 2)],
      nodes: [
        { op: 'Softsign', inputs: ['X'], outputs: ['a'] },
        { op: 'MatMul', inputs: ['a', 'last'], outputs: ['Y'] },
      ],
    });
    const large = randomFloats(128, 3).map((value) => 1e6 * value);
    const { report } = await quantize(model, aSpec('fp16', { min_cosine: '0.999' }), {
      samples: samples({ 'a.npy': npy(large, [128]) }),
    });
    expect(report).toMatchObject({ outcome: 'quantized', reason: '' });
    expect(Object.keys(report.layers.reasons).join()).toMatch(/^'X' reaches /);
  });

  it('is compared on random samples where there are no others', async () => {
    const { report } = await quantize(perceptron(), aSpec('int8-dynamic'));
    expect(report).toMatchObject({ outcome: 'quantized', samples: { kind: 'none', count: 8 } });
  });

  it('is not served beyond its bounds, and says why', async () => {
    const { report, compiled } = await quantize(perceptron(), aSpec('nf4', { min_cosine: '1' }));
    expect(report).toMatchObject({
      outcome: 'original',
      reason: expect.stringMatching(/^output 'Y' has a cosine of 0\.9\d+ with the original's, less than 1$/),
    });
    expect(report.outputs).toHaveLength(1);
    expect(compiled).toBe(false);
    expect(written()).toEqual([]);
    expect(existsSync(join(folder, 'work'))).toBe(false);
  });

  it('is none where there is nothing to quantize', async () => {
    const model = onnxModel({
      inputs: [{ name: 'X', type: 'FP32', dims: ['n', 4] }],
      outputs: [{ name: 'Y', type: 'FP32', dims: ['n', 4] }],
      nodes: [{ op: 'Relu', inputs: ['X'], outputs: ['Y'] }],
    });
    const { report } = await quantize(model, aSpec('int8-dynamic'));
    expect(report).toMatchObject({
      outcome: 'original',
      reason: expect.stringContaining('nothing of the model can be quantized'),
    });
    expect(await quantize(model, aSpec('auto'))).toMatchObject({
      report: { outcome: 'original', reason: 'no mode suits its operators and the device' },
    });
  });

  it('says what may be meant where nothing is left of what is named', async () => {
    const { report } = await quantize(convNet(), aSpec('nf4', { include: 'MatMull' }));
    expect(report.reason).toMatch(
      /^nothing of the model .*; include: there is no node or operator 'MatMull', did you mean 'MatMul'\?$/,
    );
  });

  it('is the fastest of those that pass, or the original, by `auto`', async () => {
    const { report } = await quantize(perceptron(), aSpec('auto'), { samples: someArrays([128]) });
    const tried = report.rejected.map(({ mode }) => mode);
    if (report.outcome === 'quantized') tried.push(report.mode as (typeof tried)[number]);
    expect([...tried].sort()).toEqual(['int8', 'int8-dynamic', 'int8-weight']);
    expect(written().length > 0).toBe(report.outcome === 'quantized');
  });
});

describe('samples', () => {
  const spec = aSpec('int8');

  it('may be pictures, in folders of their classes', async () => {
    const picture = (red: number) =>
      sharp({ create: { width: 40, height: 30, channels: 3, background: { r: red, g: 90, b: 10 } } })
        .jpeg()
        .toBuffer();
    const directory = samples({
      'cats/a.jpg': await picture(0),
      'dogs/b.jpeg': await picture(250),
      'dogs/.hidden.jpg': Buffer.of(),
      'readme.txt': Buffer.of(),
    });
    const image = {
      height: SIZE,
      width: SIZE,
      channels: 3 as const,
      layout: 'NCHW' as const,
      datatype: 'FP32' as const,
      resize: 'cover' as const,
      kernel: 'linear' as const,
      color: 'rgb' as const,
      padColor: [0, 0, 0] as const,
      background: [0, 0, 0] as const,
      mean: [127, 127, 127],
      std: [127, 127, 127],
      scale: 1,
      pixelsMax: 1e6,
      bytesMax: 1e6,
      framesMax: 1,
    };
    const { report } = await quantize(convNet(), spec, {
      samples: directory,
      images: new Map([['X', image]]),
    });
    expect(report).toMatchObject({ outcome: 'quantized', samples: { kind: 'folder', count: 2 } });
  });

  it('may be recorded requests, and raw bytes', async () => {
    const values = randomFloats(3 * SIZE * SIZE, 5);
    const data = new Uint8Array(values.buffer);
    const shape = [1, 3, SIZE, SIZE];
    const directory = samples({
      '0.sample': encodeSample([{ name: 'X', datatype: 'FP32', shape, data }]),
      '1.raw': data,
    });
    const { report } = await quantize(convNet(), spec, { samples: directory });
    expect(report).toMatchObject({ outcome: 'quantized', samples: { count: 2 } });
  });

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    ['none at all', {}, /can't read the folder of samples '.*': it does not exist$/],
    ['no files of samples', { 'readme.txt': Buffer.of() }, /the folder of samples '.*' holds none: put /],
  ])('that are %s are told of', async (_what, files, reason) => {
    await expect(quantize(convNet(), spec, { samples: samples(files) })).rejects.toThrow(reason);
  });

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    [
      'a shape that does not fit',
      { 'a.npy': npy(randomFloats(4, 1), [4]) },
      /sample 'a.npy' .* takes the shape \[-1,3,16,16\], it holds \[4\]/,
    ],
    [
      'pictures for a model of none',
      { 'a.png': Buffer.of(1) },
      /sample 'a.png' .*: input 'X' takes no pictures/,
    ],
    ['broken files', { 'a.npz': Buffer.of(1) }, /sample 'a.npz' .*: it is no .npz file/],
    [
      'raw bytes of another size',
      { 'a.bin': Buffer.of(1) },
      /sample 'a.bin' .*: it has 1 bytes, FP32 of shape \[1,3,16,16\] takes 3072/,
    ],
    [
      'numbers that are none',
      { 'a.npy': npy(randomFloats(3 * SIZE * SIZE, 1).fill(Number.NaN), [1, 3, SIZE, SIZE]) },
      /sample 'a.npy' can not be used: input 'X' holds NaN or infinities/,
    ],
  ])('with %s leave the original in service', async (_what, files, reason) => {
    const { report } = await quantize(convNet(), spec, { samples: samples(files) });
    expect(report).toMatchObject({ outcome: 'original', reason: expect.stringMatching(reason) });
  });

  it.each([Number.NaN, Number.NEGATIVE_INFINITY])('with %s are no measure of any mode', async (odd) => {
    const some = randomFloats(128, 1);
    some[7] = odd;
    const folderOf = samples({ 'a.npy': npy(randomFloats(128, 2), [128]), 'b.npy': npy(some, [128]) });
    const { report } = await quantize(perceptron(), aSpec('int8-dynamic'), { samples: folderOf });
    expect(report).toMatchObject({
      outcome: 'original',
      reason: "sample 'b.npy' can not be used: input 'X' holds NaN or infinities",
    });
    // What clients have sent is passed over.
    const live = aSpec('int8-dynamic', { calibration: 'live:2' });
    const { report: other } = await quantize(perceptron(), live, { samples: folderOf });
    expect(other).toMatchObject({ outcome: 'quantized', samples: { kind: 'live', count: 1 } });
  });
});
