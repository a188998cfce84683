import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slicesOf } from '#naiad/worker/decode/slices.js';

const alike = (count: number): number[] => new Array<number>(count).fill(100_000);

describe('slicesOf', () => {
  it.each([
    [0, 2, []],
    [1, 4, [[0, 1]]],
    [
      3,
      8,
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    ],
    [
      8,
      2,
      [
        [0, 4],
        [4, 8],
      ],
    ],
    [
      8,
      4,
      [
        [0, 2],
        [2, 4],
        [4, 6],
        [6, 8],
      ],
    ],
    [
      12,
      1,
      [
        [0, 4],
        [4, 8],
        [8, 12],
      ],
    ],
  ])('cuts %d pictures for %d threads', (pictures, threads, expected) => {
    expect(slicesOf(alike(pictures), 1000, threads).map(({ start, end }) => [start, end])).toEqual(expected);
  });

  it.each([
    [3 << 20, 4],
    [5 << 20, 8],
    [500 << 20, 8],
  ])('puts so many rows of %d bytes into a slice that copying them is short', (rowBytes, slices) => {
    expect(slicesOf(alike(8), rowBytes, 2)).toHaveLength(slices);
  });

  it('gives a large picture a slice of its own', () => {
    expect(slicesOf([5_000_000, 10_000, 10_000, 10_000], 1000, 2)).toEqual([
      { start: 0, end: 1 },
      { start: 1, end: 4 },
    ]);
  });

  it('covers all pictures in order with a slice for each thread', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30_000_000 }), { maxLength: 60 }),
        fc.integer({ min: 1, max: 16 }),
        (sizes, threads) => {
          const slices = slicesOf(sizes, 1000, threads);
          const covered = slices.flatMap(({ start, end }) =>
            Array.from({ length: end - start }, (_, at) => start + at),
          );
          expect(covered).toEqual(sizes.map((_, at) => at));
          expect(slices.every(({ start, end }) => end > start)).toBe(true);
          expect(slices.length).toBeGreaterThanOrEqual(Math.min(threads, sizes.length));
        },
      ),
    );
  });
});
