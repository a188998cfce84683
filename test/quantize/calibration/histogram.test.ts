import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HISTOGRAM_BINS, Histogram } from '#naiad/quantize/calibration/histogram.js';

const value = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ min: -1, max: 1, noNaN: true }),
  fc.constantFrom(0, -0, 1, -1, 2 ** -140),
);
const values = fc.array(value, { minLength: 1, maxLength: 40 });

function histogramOf(...parts: readonly (readonly number[])[]): Histogram {
  const histogram = new Histogram();
  for (const part of parts)
    histogram.add(Float32Array.from(part), Math.min(0, ...part), Math.max(0, ...part));
  return histogram;
}

/** Counts by bin as a straightforward reader of the definition would. */
function countsByHand({ start, width, counts }: Histogram, all: readonly number[]): number[] {
  const edges = Array.from(counts, (_, bin) => start + bin * width);
  const filled = new Map<number, number>();
  for (const each of all) {
    const edge = edges.findLast((edge) => each >= edge) ?? Number.NaN;
    filled.set(edge, (filled.get(edge) ?? 0) + 1);
  }
  return edges.map((edge) => filled.get(edge) ?? 0);
}

describe('a histogram', () => {
  it('counts every value in the bin that it lies in', () => {
    fc.assert(
      fc.property(values, (all) => {
        const histogram = histogramOf(all);
        expect([...histogram.counts]).toEqual(countsByHand(histogram, all.map(Math.fround)));
        expect(histogram.total).toBe(all.length);
      }),
    );
  });

  it('is the same whatever the order of the values and wherever they are cut', () => {
    fc.assert(
      fc.property(values, values, (first, second) => {
        const forth = histogramOf(first, second);
        const back = histogramOf(...[...second, ...first].map((each) => [each]));
        expect(back.width).toBe(forth.width);
        // Bins that nothing fell into may be left out at the ends.
        const filled = (histogram: Histogram): [number, number][] =>
          Array.from(histogram.counts, (count, bin): [number, number] => [
            histogram.start + bin * histogram.width,
            count,
          ]).filter(([, count]) => count > 0);
        expect(filled(back)).toEqual(filled(forth));
      }),
    );
  });

  it('has zero as an edge, a bounded number of bins, and half of them in use when the values are many', () => {
    fc.assert(
      fc.property(fc.float({ min: 2 ** -100, max: 2 ** 100, noNaN: true }), fc.boolean(), (reach, both) => {
        const histogram = histogramOf([reach, both ? -reach : 0]);
        expect(histogram.start / histogram.width).toBe(Math.floor(histogram.start / histogram.width));
        expect(histogram.counts.length).toBeLessThanOrEqual(HISTOGRAM_BINS);
        expect(histogram.counts.length).toBeGreaterThan(HISTOGRAM_BINS / 2 - 1);
      }),
    );
  });
});
