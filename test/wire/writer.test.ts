import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { InvariantError } from '#naiad/lib/invariant.js';
import { delimitedSize, utf8Size, varint64Size, varintSize, WireWriter } from '#naiad/wire/writer.js';

/** What our writer writes into a buffer of `size` bytes. */
function ours(size: number, write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter(size);
  write(writer);
  return writer.finish();
}

const theirs = (write: (writer: protobuf.Writer) => void): Buffer => {
  const writer = protobuf.Writer.create();
  write(writer);
  return Buffer.from(writer.finish());
};

describe('WireWriter', () => {
  it('writes integers as protobufjs does, in the size computed before', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(ours(varintSize(value), (writer) => writer.varint(value))).toEqual(
          theirs((writer) => writer.uint64(value)),
        );
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(ours(varint64Size(value), (writer) => writer.varint64(value))).toEqual(
          theirs((writer) => writer.int64(String(value))),
        );
      }),
    );
  });

  it('writes strings and bytes as protobufjs does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, data) => {
        const size = utf8Size(text);
        const message = ours(delimitedSize(size) + delimitedSize(data.length), (writer) => {
          writer.string(0x0a, text, size);
          writer.bytes(0x12, data);
        });
        expect(message).toEqual(
          theirs((writer) => writer.uint32(0x0a).string(text).uint32(0x12).bytes(data)),
        );
      }),
    );
  });

  it('keeps its size for a surrogate without a partner', () => {
    const text = 'a\ud800b';
    const message = ours(delimitedSize(utf8Size(text)), (writer) =>
      writer.string(0x0a, text, utf8Size(text)),
    );
    expect(message.toString('utf8', 2)).toBe('a\ufffdb');
  });

  it('tells when a message has not the size that was computed', () => {
    expect(() => ours(2, (writer) => writer.varint(1))).toThrow(InvariantError);
  });
});
