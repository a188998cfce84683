import { describe, expect, it } from 'vitest';
import { toHalf } from '#naiad/worker/decode/float16.js';
import { halfOf } from './decoding.js';

const POSITIVE = Array.from({ length: 0x7c00 }, (_, bits) => bits);

describe('toHalf', () => {
  it('keeps each of the 65,536 halves', () => {
    const wrong: number[] = [];
    for (let bits = 0; bits < 65_536; bits++) {
      const value = halfOf(bits);
      const half = toHalf(value);
      if (Number.isNaN(value) ? !Number.isNaN(halfOf(half)) : half !== bits) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it('rounds between any two neighbours to the nearer one, in the middle to the even one', () => {
    const wrong: number[] = [];
    for (const bits of POSITIVE) {
      const low = halfOf(bits);
      // What would follow the largest half, were there one.
      const high = bits === 0x7bff ? 65_536 : halfOf(bits + 1);
      const middle = (low + high) / 2;
      const step = (high - low) / 1_000_000;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const rounded = [toHalf(middle - step), toHalf(middle), toHalf(middle + step)];
      const negative = [toHalf(-middle - step), toHalf(-middle), toHalf(-middle + step)];
      const expected = [bits, even, bits + 1];
      const mirrored = [bits + 1, even, bits].map((half) => half | 0x8000);
      if (String(rounded) !== String(expected) || String(negative) !== String(mirrored)) wrong.push(bits);
    }
    expect(wrong).toEqual([]);
  });

  it.each([
    [65_504, 0x7bff],
    [65_519.999, 0x7bff],
    [65_520, 0x7c00],
    [1e300, 0x7c00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [-70_000, 0xfc00],
    [-0, 0x8000],
    [2 ** -25, 0],
    [2 ** -25 * 1.0001, 1],
    [1e-300, 0],
    // Half way plus a little that a float would have lost: rounding twice would end at 0x3c00.
    [1 + 2 ** -11 + 2 ** -40, 0x3c01],
  ])('turns %d into %d', (value, bits) => {
    expect(toHalf(value)).toBe(bits);
  });
});
