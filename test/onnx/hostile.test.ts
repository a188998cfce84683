import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeModel } from '#naiad/onnx/decode-model.js';
import { encodeModel } from '#naiad/onnx/encode-model.js';
import { OnnxError } from '#naiad/onnx/onnx-error.js';
import { readModel } from '#naiad/onnx/read-model.js';
import { aModel } from './a-model.js';
import { arbitraryModel } from './arbitrary-model.js';

const folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is thrown may only be an OnnxError. */
function isAnswered(bytes: Uint8Array): boolean {
  try {
    decodeModel(bytes);
    return true;
  } catch (error) {
    if (error instanceof OnnxError && error.message.length < 1000) return true;
    throw error;
  }
}

const field = (number: number, bytes: Uint8Array): Uint8Array =>
  protobuf.Writer.create()
    .uint32(number * 8 + 2)
    .bytes(bytes)
    .finish();
const withGraph = (graph: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(8, 8), field(7, graph)]);

/** A graph in a node of a graph, and so on. */
function nested(depth: number): Uint8Array {
  let graph: Uint8Array = new Uint8Array(0);
  for (let level = 1; level < depth; level++)
    graph = field(1, field(5, Buffer.concat([field(6, graph), Uint8Array.of(160, 1, 5)])));
  return withGraph(graph);
}

describe('a file that is no good model', () => {
  it('is refused wherever it ends too early', () => {
    fc.assert(
      fc.property(arbitraryModel, (model) => {
        const bytes = encodeModel(model);
        for (let length = 0; length < bytes.length; length += 1 + (bytes.length >>> 7)) {
          isAnswered(bytes.subarray(0, length));
        }
      }),
      { numRuns: 12 },
    );
  });

  it('is refused or read whatever bytes are changed in it', () => {
    const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });
    fc.assert(
      fc.property(arbitraryModel, fc.array(change, { minLength: 1, maxLength: 8 }), (model, changes) => {
        const bytes = encodeModel(model);
        for (const { at, to } of changes) bytes[at % bytes.length] = to;
        isAnswered(bytes);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['empty', '', 'not an ONNX model: it has no graph'],
    [
      'a pointer of Git LFS',
      'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n',
      'not an ONNX model: it is a pointer of Git LFS, the model itself was not fetched',
    ],
    ['a web page', '<!DOCTYPE html><html>', 'not an ONNX model: it is a web page'],
    ['a zip', 'PK\u0003\u0004', 'not an ONNX model: a length is longer than 32 bits'],
  ])('says what it is: %s', (_what, text, message) => {
    expect(() => decodeModel(Buffer.from(text))).toThrow(OnnxError);
    if (!text.startsWith('PK')) expect(() => decodeModel(Buffer.from(text))).toThrow(message);
  });

  it('may nest graphs only so deep', () => {
    expect(decodeModel(nested(32)).graph.nodes).toHaveLength(1);
    expect(() => decodeModel(nested(33))).toThrow(new OnnxError('graphs are nested deeper than 32'));
    expect(() => decodeModel(nested(500))).toThrow(OnnxError);
  });

  it('may have only so many parts', () => {
    const nodes = withGraph(Buffer.alloc(2 * 100_000, Uint8Array.of(0x0a, 0)));
    expect(decodeModel(nodes).graph.nodes).toHaveLength(100_000);
    expect(() => decodeModel(nodes, { limits: { heapBytesMax: 1 << 20 } })).toThrow(
      new OnnxError('the model has too many parts: they would take over 1048576 bytes'),
    );
  });

  it('may not make much of little', () => {
    const ones = field(7, Buffer.alloc(1 << 16, 1));
    const tensor = Buffer.concat([Uint8Array.of(8, 0x80, 0x80, 4, 16, 7), ones]);
    const model = withGraph(field(5, tensor));
    expect(decodeModel(model).graph.initializers[0]?.data).toHaveLength(1 << 19);
    expect(() => decodeModel(model, { limits: { dataBytesMax: 1 << 18 } })).toThrow(
      new OnnxError('524288 bytes of tensors exceed 262144'),
    );
  });

  it('may not say a thing twice that it has once', () => {
    const bytes = encodeModel(aModel());
    expect(() => decodeModel(Buffer.concat([bytes, field(7, new Uint8Array(0))]))).toThrow(
      new OnnxError('the graph stands in the model twice'),
    );
  });

  it('is refused with the reason when it is no file', () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const [path, reason] of [
      [pipe, 'it is not a file'],
      [folder, 'it is not a file'],
      [join(folder, 'absent.onnx'), 'it does not exist'],
    ] as const) {
      expect(() => readModel(path)).toThrow(new OnnxError(`can't read '${path}': ${reason}`));
    }
  });

  it('is refused when it is larger than protobuf allows', () => {
    const path = join(folder, 'large.onnx');
    writeFileSync(path, '');
    execFileSync('truncate', ['--size=2G', path]);
    expect(() => readModel(path)).toThrow(
      `can't read '${path}': it has 2147483648 bytes; beyond 2147483647 ONNX keeps weights in a file beside the model`,
    );
  });
});
