import { describe, expect, it } from 'vitest';
import { isNpy, readNpy } from '#naiad/cli/npy.js';
import { splitBytes } from '#naiad/tensor/bytes.js';

interface NpyParts {
  readonly descr?: string;
  readonly order?: 'True' | 'False';
  readonly shape?: string;
  readonly data?: Uint8Array;
  readonly version?: 1 | 2 | 3;
}

/** A file as numpy.save writes it; float32 [2] of 1 and 2 unless said otherwise. */
function npy(parts: NpyParts = {}): Uint8Array {
  const { descr = "'<f4'", order = 'False', shape = '(2,)', version = 1 } = parts;
  const data = parts.data ?? new Uint8Array(new Float32Array([1, 2]).buffer);
  const head = version === 1 ? 10 : 12;
  const text = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const header = `${text.padEnd(64 * Math.ceil((head + text.length + 1) / 64) - head - 1)}\n`;
  const start = Buffer.alloc(head);
  start.write('\x93NUMPY', 'latin1');
  start[6] = version;
  if (version === 1) start.writeUInt16LE(header.length, 8);
  else start.writeUInt32LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), data]);
}

const texts = (data: Uint8Array): string[] => splitBytes(data).map((item) => Buffer.from(item).toString());

describe('numbers', () => {
  it.each([1, 2, 3] as const)('are read from version %i', (version) => {
    expect(readNpy(npy({ version }))).toEqual({
      datatype: 'FP32',
      shape: [2],
      data: Buffer.from(new Float32Array([1, 2]).buffer),
    });
  });

  it.each([
    ["'<f2'", 'FP16', 4],
    ["'<f8'", 'FP64', 16],
    ["'|i1'", 'INT8', 2],
    ["'<i2'", 'INT16', 4],
    ["'<i4'", 'INT32', 8],
    ["'<i8'", 'INT64', 16],
    ["'|u1'", 'UINT8', 2],
    ["'<u2'", 'UINT16', 4],
    ["'<u4'", 'UINT32', 8],
    ["'<u8'", 'UINT64', 16],
    ["'|b1'", 'BOOL', 2],
    ["'>i1'", 'INT8', 2],
  ])('%s are %s', (descr, datatype, size) => {
    expect(readNpy(npy({ descr, data: new Uint8Array(size) }))).toMatchObject({ datatype, shape: [2] });
  });

  it.each([
    ['()', [], 4],
    ['(1, 0, 3)', [1, 0, 3], 0],
    ['(2, 3)', [2, 3], 24],
  ])('have shape %s', (shape, expected, size) => {
    expect(readNpy(npy({ shape, data: new Uint8Array(size) })).shape).toEqual(expected);
  });
});

describe('texts', () => {
  it('of bytes lose the filling at their end only', () => {
    const data = Buffer.from('ab\0\0a\0b\0\0\0\0\0', 'latin1');
    const tensor = readNpy(npy({ descr: "'|S4'", shape: '(3,)', data }));
    expect(tensor).toMatchObject({ datatype: 'BYTES', shape: [3] });
    expect(texts(tensor.data)).toEqual(['ab', 'a\0b', '']);
  });

  it('of characters become UTF-8', () => {
    const data = Buffer.from(
      new Uint32Array(['ü', '😀', 'a'].map((text) => text.codePointAt(0) ?? 0)).buffer,
    );
    const tensor = readNpy(npy({ descr: "'<U1'", shape: '(3,)', data }));
    expect(texts(tensor.data)).toEqual(['ü', '😀', 'a']);
  });
});

describe('files that can not be used', () => {
  it.each([
    [npy({ descr: "'>f4'" }), 'big-endian'],
    [npy({ order: 'True' }), 'numpy.ascontiguousarray'],
    [npy({ descr: "'|O'" }), 'Python objects'],
    [npy({ descr: "[('a', '<f4')]" }), 'Python objects'],
    [npy({ descr: "'<c8'" }), "its dtype '<c8' has no counterpart"],
    [npy({ shape: '(3,)' }), 'shorter than its header says'],
    [npy({ shape: '(99999999999, 99999999999)' }), 'shorter than its header says'],
    [npy().subarray(0, 30), 'header is broken'],
    [npy().subarray(0, 7), 'no .npy file'],
    [Buffer.from('something else'), 'no .npy file'],
  ])('are refused with what to do (%#)', (file, text) => {
    expect(() => readNpy(file)).toThrow(text);
  });

  it('are told apart by their first bytes', () => {
    expect(isNpy(npy())).toBe(true);
    expect(isNpy(Buffer.from('\x93NUMP', 'latin1'))).toBe(false);
  });
});
