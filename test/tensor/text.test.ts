import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isText } from '#naiad/tensor/text.js';

const judge = (bytes: Uint8Array): boolean => isText(bytes, 0, bytes.length);
/** The definition, by Node's own validator. */
const expected = (bytes: Uint8Array): boolean => isUtf8(bytes) && !bytes.includes(0);

/** Bytes at and beside every border of the encoding. */
const BORDERS = [
  0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
  0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
];

describe('isText', () => {
  it('agrees with the definition on every start of a character', () => {
    for (const a of BORDERS) {
      for (const b of BORDERS) {
        for (const rest of [[], [0x80], [0x80, 0xbf], [0x80, 0xc0], [0x7f]]) {
          const bytes = Uint8Array.of(a, b, ...rest);
          expect(judge(bytes), `${bytes}`).toBe(expected(bytes));
        }
      }
    }
  });

  it('agrees with the definition on texts and on damaged ones', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(text, fc.option(fc.tuple(fc.nat(), fc.constantFrom(...BORDERS))), (value, damage) => {
        const bytes = Uint8Array.from(Buffer.from(value));
        expect(judge(bytes)).toBe(!value.includes('\0'));
        if (damage !== null && bytes.length > 0) bytes[damage[0] % bytes.length] = damage[1];
        expect(judge(bytes)).toBe(expected(bytes));
      }),
    );
  });

  it.each([1, 127, 128, 129, 5000])('sees the last of %d bytes, and none behind', (length) => {
    const data = new Uint8Array(length + 2).fill(0x61);
    data[0] = 0;
    data[length + 1] = 0;
    expect(isText(data, 1, length + 1)).toBe(true);
    data[length] = 0;
    expect(isText(data, 1, length + 1)).toBe(false);
    data[length] = 0xc3;
    data[length + 1] = 0xa4;
    expect(isText(data, 1, length + 1)).toBe(false);
    expect(isText(data, 1, length + 2)).toBe(true);
  });
});
