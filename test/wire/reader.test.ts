import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { WireReader } from '#naiad/wire/reader.js';
import { WireError } from '#naiad/wire/wire-error.js';

const hex = (text: string): WireReader => new WireReader(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** What protobufjs writes. */
function written(write: (writer: protobuf.Writer) => void): WireReader {
  const writer = protobuf.Writer.create();
  write(writer);
  return new WireReader(Buffer.from(writer.finish()));
}

describe('WireReader', () => {
  it('reads the integers that protobufjs writes', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.integer(),
        fc.boolean(),
        fc.double(),
        (int64, uint64, int32, bool, double) => {
          const reader = written((writer) =>
            writer.int64(String(int64)).uint64(String(uint64)).int32(int32).bool(bool).double(double),
          );
          expect(reader.int64()).toBe(int64);
          expect(reader.uint64()).toBe(uint64);
          expect(reader.varint32() | 0).toBe(int32);
          expect(reader.bool()).toBe(bool);
          expect(reader.double()).toBe(double);
          expect(reader.atEnd).toBe(true);
        },
      ),
    );
  });

  it('reads the strings that protobufjs writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        expect(written((writer) => writer.string(text)).string(1000)).toBe(text);
      }),
    );
  });

  it('gives bytes as a view', () => {
    const message = Buffer.from('03616263', 'hex');
    const bytes = new WireReader(message).bytes();
    expect(bytes.toString()).toBe('abc');
    expect(bytes.buffer).toBe(message.buffer);
    expect(bytes.byteOffset).toBe(message.byteOffset + 1);
  });

  it('gives an int64 as a bigint only when no number can hold it', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.nat({ max: 62 }),
        (wide, shift) => {
          const value = wide >> BigInt(shift);
          const read = written((writer) => writer.int64(String(value))).anyInt64();
          expect(BigInt(read)).toBe(value);
          expect(typeof read).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'bigint');
        },
      ),
    );
  });

  it('reads the floats that protobufjs writes', () => {
    fc.assert(
      fc.property(fc.float(), (value) => {
        expect(written((writer) => writer.float(value)).float()).toBe(value);
      }),
    );
    expect(() => hex('00 00 80').float()).toThrow(new WireError('a value is cut off'));
  });

  it('accepts an int64 only when a number can hold it', () => {
    const read = (value: bigint): number =>
      written((writer) => writer.int64(String(value))).safeInt64('a dimension');
    for (const value of [0n, -1n, 127n, 128n, 2n ** 31n, 2n ** 53n - 1n, -(2n ** 53n) + 1n]) {
      expect(read(value)).toBe(Number(value));
    }
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
      expect(() => read(value)).toThrow(new WireError('a dimension is out of range'));
    }
  });

  it('keeps an U+FFFD that stands in the message', () => {
    expect(written((writer) => writer.string('a\ufffdb')).string(10)).toBe('a\ufffdb');
  });

  it.each([
    ['a byte outside UTF-8', '02 61 ff'],
    ['a long string with a cut character', `28 ${'61'.repeat(39)} c3`],
    ['a surrogate', '03 ed a0 80'],
    ['an overlong slash', '02 c0 af'],
  ])('refuses %s', (_what, bytes) => {
    expect(() => hex(bytes).string(100)).toThrow(new WireError('a string is not valid UTF-8'));
  });

  it('refuses a string over its bound', () => {
    expect(() => hex('03616263').string(2)).toThrow(WireError);
  });

  it.each([
    ['nothing', '', 'a varint is cut off'],
    ['a varint without an end', 'ff ff', 'a varint is cut off'],
    ['a varint of 11 bytes', 'ffffffffffffffffffff01', 'a varint is longer than 10 bytes'],
  ])('refuses %s', (_what, bytes, reason) => {
    expect(() => hex(bytes).int64()).toThrow(new WireError(reason));
    expect(() => hex(bytes).varint32()).toThrow(new WireError(reason));
  });

  it.each([
    ['field 0', '00', 'a field has the number 0'],
    ['33 bits', 'ff ff ff ff 1f', 'a tag is longer than 32 bits'],
    ['6 bytes', '88 80 80 80 80 00', 'a tag is longer than 32 bits'],
  ])('refuses a tag with %s', (_what, bytes, reason) => {
    expect(() => hex(bytes).tag()).toThrow(new WireError(reason));
  });

  it.each([
    ['5 of 4 bytes', '05 61 61 61 61', 'a field of 5 bytes has only 4 bytes left'],
    ['4 GiB', 'ff ff ff ff 0f', 'a field of 4294967295 bytes has only 0 bytes left'],
    ['2^35 bytes', 'ff ff ff ff 7f', 'a length is longer than 32 bits'],
  ])('refuses a length of %s', (_what, bytes, reason) => {
    expect(() => hex(bytes).bytes()).toThrow(new WireError(reason));
  });

  it('does not read past the message it has entered', () => {
    const reader = hex('02 08 96 01');
    const outerEnd = reader.enter();
    expect(reader.tag()).toBe(8);
    expect(() => reader.varint32()).toThrow(WireError);
    reader.leave(outerEnd);
    expect(reader.varint32()).toBe(150);
  });

  describe('skip', () => {
    it.each([
      ['a varint', '08 ffffffffffffffffff01'],
      ['8 bytes', '09 0102030405060708'],
      ['bytes', '0a 03 616263'],
      ['4 bytes', '0d 01020304'],
      ['a group', '0b 10 01 1b 12 01 61 1c 0c'],
    ])('passes over %s', (_what, bytes) => {
      const reader = hex(`${bytes} 2a`);
      reader.skip(reader.tag());
      expect(reader.varint32()).toBe(0x2a);
    });

    it.each([
      ['8 bytes of which 7 are there', '09 01020304050607', 'a value is cut off'],
      ['a group without an end', '0b 10 01', 'a group does not end'],
      ['a group with the end of another', '0b 14', 'a group ends that has not begun'],
      ['an end without a group', '0c', 'a group ends that has not begun'],
      ['wire type 6', '0e', 'a field has the unknown wire type 6'],
      ['wire type 7', '0f', 'a field has the unknown wire type 7'],
    ])('refuses %s', (_what, bytes, reason) => {
      const reader = hex(bytes);
      const tag = reader.tag();
      expect(() => reader.skip(tag)).toThrow(new WireError(reason));
    });

    it('bounds how deep groups may be nested', () => {
      const nested = (depth: number): WireReader => hex('0b'.repeat(depth) + '0c'.repeat(depth));
      const fits = nested(100);
      fits.skip(fits.tag());
      expect(fits.atEnd).toBe(true);
      const deeper = nested(101);
      const tag = deeper.tag();
      expect(() => deeper.skip(tag)).toThrow(new WireError('groups are nested deeper than 100'));
    });
  });

  it('counts packed varints', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })), (values) => {
        const reader = written((writer) => {
          for (const value of values) writer.uint64(String(value));
        });
        expect(reader.countVarints(reader.end)).toBe(values.length);
        expect(reader.atEnd).toBe(true);
      }),
    );
    expect(() => hex('01 ff').countVarints(2)).toThrow(new WireError('a varint is cut off'));
    expect(() => hex(`${'ff'.repeat(10)}01`).countVarints(11)).toThrow(WireError);
    expect(() => hex('01').countVarints(2)).toThrow(new WireError('a value is cut off'));
  });
});
