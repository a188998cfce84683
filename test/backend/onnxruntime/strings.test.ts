import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStrings, encodeStrings } from '#naiad/backend/onnxruntime/strings.js';

describe('strings', () => {
  it('come back as they were, from any place in a buffer', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.nat(7), (strings, offset) => {
        const encoded = encodeStrings(strings);
        const view = new Uint8Array(offset + encoded.length + 3).fill(0xee);
        view.set(encoded, offset);
        const decoded = decodeStrings(view.subarray(offset, offset + encoded.length), [strings.length]);
        expect(decoded).toEqual(strings);
      }),
    );
  });

  it('lie behind their lengths in a buffer of their own', () => {
    const encoded = encodeStrings(['é', '', '\ufeffx']);
    expect([...encoded]).toEqual([2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0, 4, 0, 0, 0, 0xef, 0xbb, 0xbf, 0x78]);
    expect(encoded.buffer.byteLength).toBe(encoded.byteLength);
  });

  it('are none for no elements', () => {
    expect(decodeStrings(new Uint8Array(0), [0, 4])).toEqual([]);
    expect(encodeStrings([])).toHaveLength(0);
  });

  it('have no end behind the data', () => {
    expect(() => decodeStrings(Uint8Array.of(5, 0, 0, 0, 65), [1])).toThrow(RangeError);
    expect(() => decodeStrings(Uint8Array.of(1, 0, 0, 0, 65), [2])).toThrow(RangeError);
  });
});
