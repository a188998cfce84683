import { describe, expect, it } from 'vitest';
import { kernelOf } from '#naiad/worker/decode/kernels.js';

const NAMES = ['linear', 'cubic', 'mitchell', 'lanczos2', 'lanczos3'] as const;

describe('kernelOf', () => {
  it.each(NAMES)('%s is even, ends at its support and adds up to 1', (name) => {
    const { support, weight } = kernelOf(name);
    expect(weight(support)).toBeCloseTo(0, 12);
    expect(weight(support + 0.1)).toBe(0);
    for (let phase = 0; phase < 1; phase += 1 / 16) {
      let sum = 0;
      for (let at = -support; at <= support; at++) sum += weight(at - phase);
      // Lanczos' sums are only nearly 1, which is why the weights are normalised.
      expect(sum).toBeCloseTo(1, name.startsWith('lanczos') ? 1 : 12);
      expect(weight(phase)).toBeCloseTo(weight(-phase), 12);
    }
  });

  it.each(NAMES.filter((name) => name !== 'mitchell'))('%s keeps the pixels it falls on', (name) => {
    const { weight } = kernelOf(name);
    expect([0, 1, 2].map((at) => Math.abs(weight(at)) > 1e-12)).toEqual([true, false, false]);
  });

  it.each([
    // -0.5 * 0.125 + 0.5 * ... : Keys' cubic with a = -0.5 at one half and one and a half.
    ['cubic', 0.5, 0.5625],
    ['cubic', 1.5, -0.0625],
    ['mitchell', 0, 8 / 9],
    ['mitchell', 1, 1 / 18],
    ['linear', 0.25, 0.75],
    ['lanczos2', 0.5, 0.573_159],
    ['lanczos3', 0.5, 0.607_927],
  ] as const)('%s at %d', (name, distance, expected) => {
    expect(kernelOf(name).weight(distance)).toBeCloseTo(expected, 5);
  });
});
