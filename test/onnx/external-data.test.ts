import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodeOf, tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { decodeModel } from '#naiad/onnx/decode-model.js';
import { encodeModel, encodeModelProto } from '#naiad/onnx/encode-model.js';
import type { OnnxModel, OnnxTensor } from '#naiad/onnx/model.js';
import { OnnxError } from '#naiad/onnx/onnx-error.js';
import { readModel } from '#naiad/onnx/read-model.js';
import { floatsOf } from '#naiad/onnx/tensor-values.js';
import { writeModel } from '#naiad/onnx/write-model.js';
import { aModel, aValue } from './a-model.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `count` FLOATs that begin with `first`. */
const weights = (name: string, count: number, first = 0): OnnxTensor =>
  tensorOf(
    name,
    DataType.float,
    [count],
    Float32Array.from({ length: count }, (_, index) => first + index),
  );

/** y = x + w for each tensor w. */
function sumOf(...tensors: readonly OnnxTensor[]): OnnxModel {
  return aModel({
    inputs: [aValue('x')],
    outputs: tensors.map(({ name }) => aValue(`${name}_sum`)),
    nodes: tensors.map(({ name }) => nodeOf('Add', ['x', name], [`${name}_sum`])),
    initializers: tensors,
  });
}

/** A model in the folder whose tensor of 8 FLOATs is said to be at a place. */
function modelAt(location: string, offset = 0, file = 'model.onnx'): string {
  const tensor = weights('w', 8);
  const path = join(folder, file);
  const places = new Map([[tensor, { location, offset, bytes: 32 }]]);
  writeFileSync(path, encodeModelProto(sumOf(tensor), places).finish());
  return path;
}

const initializer = (model: OnnxModel, index = 0): OnnxTensor => {
  const tensor = model.graph.initializers[index];
  if (tensor === undefined) throw new Error('there is no such initializer');
  return tensor;
};

describe('weights in a file of their own', () => {
  it('come back as they were', () => {
    const model = sumOf(
      weights('a', 3),
      weights('b', 70_000, 1),
      weights('c', 300_000, 2),
      weights('d', 1000, 3),
    );
    const written = writeModel(model, folder, { externalFile: 'weights.bin' });
    expect(written.path).toBe(join(folder, 'model.onnx'));
    expect(written.externalPath).toBe(join(folder, 'weights.bin'));
    expect(written.bytes).toBe(readFileSync(written.path).length);
    expect(written.externalBytes).toBe(readFileSync(join(folder, 'weights.bin')).length);
    expect(written.bytes).toBeLessThan(2000);
    const read = readModel(written.path);
    for (const [index, tensor] of model.graph.initializers.entries()) {
      expect(initializer(read, index)).toMatchObject({ name: tensor.name, dims: tensor.dims });
      expect(Buffer.compare(initializer(read, index).data, tensor.data)).toBe(0);
    }
    expect(floatsOf(initializer(read, 1)).at(-1)).toBe(70_000);
  });

  it('begin where a runtime can map them', () => {
    const model = sumOf(
      weights('a', 300),
      weights('b', 300_000),
      weights('c', 300),
      weights('d', 20_000),
      weights('e', 300),
    );
    const { path } = writeModel(model, folder, { externalFile: 'weights.bin' });
    const offsets: number[] = [];
    decodeModel(readFileSync(path), {
      externalData: ({ offset, bytes }) => {
        offsets.push(offset);
        return () => new Uint8Array(bytes);
      },
    });
    expect(offsets.map((offset, index) => offset % ([64, 65_536, 64, 4096, 64][index] ?? 0))).toEqual([
      0, 0, 0, 0, 0,
    ]);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  it('stay in the model below the threshold', () => {
    const options = { file: 'm.onnx', externalFile: 'w.bin', externalThresholdBytes: 1001 };
    expect(writeModel(sumOf(weights('a', 250)), folder, options)).toMatchObject({
      externalPath: null,
      externalBytes: 0,
    });
    expect(existsSync(join(folder, 'w.bin'))).toBe(false);
  });

  it('are written once when two tensors share them', () => {
    const shared = weights('a', 1000);
    const model = sumOf(shared, { ...shared, name: 'b' }, weights('c', 1000));
    const written = writeModel(model, folder, { externalFile: 'w.bin' });
    expect(written.externalBytes).toBe(64 * Math.ceil(4000 / 64) + 4000);
    const read = readModel(written.path);
    expect(read).toEqual(model);
    expect(initializer(read, 0).data).toBe(initializer(read, 1).data);
  });

  it('of graphs inside nodes go there too', () => {
    const branch = (name: string, first: number) => ({
      graph: {
        ...sumOf(weights(name, 1000, first)).graph,
        inputs: [],
      },
    });
    const model = aModel({
      inputs: [aValue('x'), { ...aValue('c'), elemType: DataType.bool }],
      outputs: [aValue('y')],
      nodes: [
        nodeOf('If', ['c'], ['y'], {
          attributes: { then_branch: branch('t', 1), else_branch: branch('e', 2) },
        }),
      ],
    });
    const written = writeModel(model, folder, { externalFile: 'w.bin' });
    expect(written.externalBytes).toBeGreaterThan(8000);
    expect(readModel(written.path)).toEqual(model);
  });

  it('are read when they are asked for', () => {
    const path = modelAt('w.bin');
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(32));
    const tensor = initializer(readModel(path));
    writeFileSync(
      join(folder, 'w.bin'),
      Uint8Array.from({ length: 32 }, (_, index) => index),
    );
    expect([...tensor.data].slice(0, 3)).toEqual([0, 1, 2]);
    expect(tensor.data.byteOffset % 8).toBe(0);
    expect(tensor.data).toBe(tensor.data);
  });

  it('must stay as they are until then', () => {
    const path = modelAt('w.bin');
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(32));
    const [changed, gone] = [readModel(path), readModel(path)];
    truncateSync(join(folder, 'w.bin'), 31);
    expect(() => initializer(changed).data).toThrow(
      new OnnxError("can't read 32 bytes of 'w.bin': it has changed since the model was read"),
    );
    rmSync(join(folder, 'w.bin'));
    expect(() => initializer(gone).data).toThrow(
      new OnnxError("can't read 32 bytes of 'w.bin': it does not exist"),
    );
  });

  it('may be behind a link inside the folder, and beside a linked model', () => {
    mkdirSync(join(folder, 'store'));
    writeFileSync(join(folder, 'store', 'w'), new Uint8Array(32).fill(7));
    symlinkSync('store/w', join(folder, 'w.bin'));
    expect(initializer(readModel(modelAt('w.bin'))).data[0]).toBe(7);
    // As caches of downloads do it: both are links into a folder of blobs.
    rmSync(join(folder, 'model.onnx'));
    mkdirSync(join(folder, 'snapshot'));
    modelAt('w.bin', 0, 'store/m');
    symlinkSync('../store/m', join(folder, 'snapshot', 'model.onnx'));
    symlinkSync('../store/w', join(folder, 'snapshot', 'w.bin'));
    expect(initializer(readModel(join(folder, 'snapshot', 'model.onnx'))).data[0]).toBe(7);
  });

  it('may not lie outside the folder', () => {
    mkdirSync(join(folder, 'model'));
    writeFileSync(join(folder, 'secret'), new Uint8Array(32));
    symlinkSync('../secret', join(folder, 'model', 'link'));
    symlinkSync('..', join(folder, 'model', 'up'));
    mkdirSync(join(folder, 'model', 'folder'));
    const read = (location: string) => () => readModel(modelAt(location, 0, 'model/model.onnx'));
    for (const location of ['../secret', 'link', 'up/secret', 'folder/../../secret']) {
      expect(read(location)).toThrow(
        new OnnxError(`the model keeps data in '${location}', which is outside its folder`),
      );
    }
    for (const location of [join(folder, 'secret'), 'a\0b']) {
      expect(read(location)).toThrow(
        new OnnxError(`the model keeps data in '${location}', which is not a path in its folder`),
      );
    }
    expect(read('folder')).toThrow(new OnnxError("the model keeps data in 'folder', which is not a file"));
    expect(read('absent')).toThrow(
      new OnnxError("the model keeps data in the file 'absent': it does not exist"),
    );
  });

  it('must be there in full', () => {
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(40));
    expect(initializer(readModel(modelAt('w.bin', 8))).data).toHaveLength(32);
    expect(() => readModel(modelAt('w.bin', 9))).toThrow(
      new OnnxError("the file 'w.bin' has 40 bytes, and the model wants 32 from 9 on"),
    );
  });

  it('may be no more than the machine can hold', () => {
    writeFileSync(join(folder, 'w.bin'), new Uint8Array(32));
    expect(() => readModel(modelAt('w.bin'), { limits: { dataBytesMax: 31 } })).toThrow(
      new OnnxError('32 bytes of tensors exceed 31'),
    );
  });

  it('are not known to somebody who has the bytes of the model alone', () => {
    const bytes = readFileSync(modelAt('w.bin'));
    expect(() => decodeModel(bytes)).toThrow(
      new OnnxError("the elements of tensor 'w' are in the file 'w.bin', not here"),
    );
  });
});

describe('writing a model', () => {
  it('replaces no file, and leaves nothing behind when it fails', () => {
    writeFileSync(join(folder, 'model.onnx'), 'other');
    expect(() => writeModel(sumOf(weights('a', 1000)), folder, { externalFile: 'w.bin' })).toThrow(
      new OnnxError(`can't write the model to '${folder}': it exists already`),
    );
    expect(readFileSync(join(folder, 'model.onnx'), 'utf8')).toBe('other');
    expect(existsSync(join(folder, 'w.bin'))).toBe(false);
  });

  it('refuses a tensor that its dimensions do not fit', () => {
    const tensor = { ...weights('a', 1000), dims: [999] };
    for (const options of [{}, { externalFile: 'w.bin' }]) {
      expect(() => writeModel(sumOf(weights('b', 1000), tensor), folder, options)).toThrow(
        new OnnxError("tensor 'a' (float [999]) has 4000 bytes, not 3996"),
      );
      expect(existsSync(join(folder, 'w.bin'))).toBe(false);
    }
  });

  it('refuses more than protobuf allows, before it has read any of it', () => {
    const elsewhere = (name: string): OnnxTensor => ({
      ...weights(name, 0),
      dims: [2 ** 28],
      get data(): Uint8Array {
        throw new Error('nobody needs them');
      },
    });
    const model = aModel({ initializers: [elsewhere('a'), elsewhere('b')] });
    const refusal =
      'the model would have 2147483648 bytes; beyond 2147483647 its weights must be in a file beside it';
    expect(() => encodeModel(model)).toThrow(new OnnxError(refusal));
    expect(() => writeModel(model, folder)).toThrow(new OnnxError(refusal));
  });

  it('says when there is no such folder', () => {
    expect(() => writeModel(sumOf(), join(folder, 'absent'))).toThrow(
      new OnnxError(`can't write the model to '${join(folder, 'absent')}': it does not exist`),
    );
  });

  it.each([
    [
      "Relu 'y' takes 'a', which nothing makes before it",
      [nodeOf('Relu', ['a'], ['y']), nodeOf('Relu', ['x'], ['a'])],
    ],
    [
      "the Relu that makes 'y' takes 'a', which nothing makes before it",
      [nodeOf('Relu', ['a'], ['y'], { name: '' })],
    ],
    [
      "'y' is made twice, the second time by Relu 'b'",
      [nodeOf('Relu', ['x'], ['y']), nodeOf('Relu', ['x'], ['y'], { name: 'b' })],
    ],
    ["'x' is made twice, the second time by Relu 'x'", [nodeOf('Relu', ['x'], ['x'])]],
    ["two nodes are named 'n'", ['a', 'y'].map((name) => nodeOf('Relu', ['x'], [name], { name: 'n' }))],
    ["nothing makes the output 'y'", [nodeOf('Relu', ['x'], ['a'])]],
  ])('refuses a graph in disorder: %s', (message, nodes) => {
    const model = aModel({ inputs: [aValue('x')], outputs: [aValue('y')], nodes });
    expect(() => writeModel(model, folder)).toThrow(new OnnxError(message));
  });
});
