import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { NpyError } from '#naiad/tensor/npy.js';
import { readNpz } from '#naiad/tensor/npz.js';

/** float32 of shape [n], as numpy.save writes it. */
function npy(values: readonly number[]): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${values.length},), }`.padEnd(117);
  const start = Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1');
  return Buffer.concat([start, Buffer.from(`${header}\n`), Buffer.from(Float32Array.from(values).buffer)]);
}

function zip(entries: readonly { name: string; content: Buffer; method?: number }[], comment = ''): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method = 0 } of entries) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, ...directory, end, Buffer.from(comment)]);
}

describe('an .npz file', () => {
  it.each([0, 8])('is read with its arrays packed by method %i', (method) => {
    const file = zip([
      { name: 'a.npy', content: npy([1, 2]), method },
      { name: 'b.npy', content: npy([3]), method },
    ]);
    expect(readNpz(file).map(({ name, shape, data }) => ({ name, shape, data: [...data] }))).toEqual([
      { name: 'a', shape: [2], data: [...new Uint8Array(Float32Array.of(1, 2).buffer)] },
      { name: 'b', shape: [1], data: [...new Uint8Array(Float32Array.of(3).buffer)] },
    ]);
  });

  it('may have a comment', () => {
    expect(readNpz(zip([{ name: 'a.npy', content: npy([1]) }], 'a comment'))).toHaveLength(1);
  });

  it('is refused when it is none, or broken anywhere', () => {
    expect(() => readNpz(Buffer.from('text'))).toThrow(new NpyError('it is no .npz file'));
    const whole = zip([{ name: 'a.npy', content: npy([1, 2, 3]), method: 8 }]);
    for (let index = 0; index < whole.length; index++) {
      const bent = Buffer.from(whole);
      bent[index] = 0xff - (bent[index] ?? 0);
      try {
        readNpz(bent);
      } catch (error) {
        expect(error).toBeInstanceOf(NpyError);
      }
    }
  });
});
