import { describe, expect, it } from 'vitest';
import { toHalves } from '#naiad/quantize/half/float16.js';
import { fromHalf } from '#naiad/tensor/half.js';
import { toHalf } from '#naiad/worker/decode/float16.js';
import { NetBuilder } from '../../support/net-builder.js';

describe('halves', () => {
  it('come back as they were, all of them', () => {
    const numbers = Array.from({ length: 1 << 16 }, (_, bits) => bits).filter((bits) => {
      return !Number.isNaN(fromHalf(bits));
    });
    const floats = Float32Array.from(numbers, fromHalf);
    expect(toHalves(floats)).toEqual(Uint16Array.from(numbers));
  });

  it('are the nearest to any float, as another conversion has them', () => {
    const random = new NetBuilder(4).normal(20_000);
    const floats = random.map((value, index) => value * 2 ** ((index % 50) - 30));
    expect(toHalves(floats)).toEqual(Uint16Array.from(floats, toHalf));
  });

  it('round ties to even, and leave the range where the nearest is beyond it', () => {
    const values = [65_519, 65_520, -1e9, 2 ** -25, 2 ** -25 + 2 ** -30, 2049, 2051, Number.NaN, -0];
    expect([...toHalves(Float32Array.from(values))]).toEqual([
      0x7bff, 0x7c00, 0xfc00, 0, 1, 0x6800, 0x6802, 0x7e00, 0x8000,
    ]);
  });
});
