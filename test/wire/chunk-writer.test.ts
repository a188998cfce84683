import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { ChunkWriter } from '#naiad/wire/chunk-writer.js';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n });
const field = fc.integer({ min: 1, max: 2 ** 29 - 1 });

describe('ChunkWriter', () => {
  it('writes what protobufjs writes', () => {
    fc.assert(
      fc.property(
        field,
        int64,
        fc.maxSafeInteger(),
        fc.float(),
        fc.uint8Array({ maxLength: 10_000 }),
        fc.string({ unit: 'binary' }),
        (number, wide, count, float, bytes, text) => {
          const writer = new ChunkWriter();
          writer.varint(number, wide);
          writer.varint(number, count);
          writer.float(number, float);
          writer.bytes(number, bytes);
          writer.string(number, text);
          const expected = protobuf.Writer.create();
          const tag = (type: number): protobuf.Writer => expected.uint32(((number << 3) | type) >>> 0);
          tag(0).int64(String(BigInt.asIntN(64, wide)));
          tag(0).int64(count);
          tag(5).float(float);
          tag(2).bytes(bytes);
          tag(2).string(text);
          expect(writer.finish().equals(expected.finish())).toBe(true);
          expect(writer.size).toBe(writer.finish().length);
        },
      ),
    );
  });

  it('nests messages, with large values anywhere in them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 4 }),
        fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 4 }),
        (inner, outer) => {
          const message = new ChunkWriter();
          for (const value of inner) message.bytes(1, value);
          const writer = new ChunkWriter();
          for (const value of outer) writer.bytes(2, value);
          writer.message(3, message);
          writer.raw(Uint8Array.of(8, 1));
          const expected = protobuf.Writer.create();
          for (const value of outer) expected.uint32(18).bytes(value);
          expected.uint32(26).fork();
          for (const value of inner) expected.uint32(10).bytes(value);
          expected.ldelim().uint32(8).uint32(1);
          expect(writer.finish().equals(expected.finish())).toBe(true);
        },
      ),
    );
  });

  it('does not copy large values', () => {
    const value = new Uint8Array(1 << 20);
    const inner = new ChunkWriter();
    inner.bytes(1, value);
    const outer = new ChunkWriter();
    outer.message(1, inner);
    outer.varint(2, 3);
    const chunks = outer.chunks();
    expect(chunks.map(({ length }) => length)).toEqual([8, 1 << 20, 2]);
    expect(chunks[1]).toBe(value);
  });
});
