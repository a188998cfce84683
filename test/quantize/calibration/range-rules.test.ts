import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '#naiad/quantize/calibration/histogram.js';
import { entropyRange, percentileRange } from '#naiad/quantize/calibration/range-rules.js';
import type { Range } from '#naiad/quantize/method.js';
import { NetBuilder } from '../../support/net-builder.js';

function seenOf(values: Float32Array): Range {
  return {
    min: values.reduce((a, b) => Math.min(a, b), 0),
    max: values.reduce((a, b) => Math.max(a, b), 0),
  };
}

function histogramOf(values: Float32Array): Histogram {
  const histogram = new Histogram();
  const { min, max } = seenOf(values);
  histogram.add(values, min, max);
  return histogram;
}

const cloud = (length: number, deviation = 1): Float32Array => new NetBuilder(3).normal(length, deviation);

describe('percentiles', () => {
  it('have as many values inside as asked for, and no bin more than needed', () => {
    const numbers = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), {
      minLength: 1,
      maxLength: 300,
    });
    fc.assert(
      fc.property(numbers, fc.double({ min: 50, max: 100, noNaN: true }), (list, percent) => {
        const values = Float32Array.from(list);
        const histogram = histogramOf(values);
        const { min, max } = percentileRange(histogram, seenOf(values), percent);
        const outside = ((100 - percent) / 200) * values.length;
        const above = values.filter((value) => value > max).length;
        const below = values.filter((value) => value < min).length;
        expect(above).toBeLessThanOrEqual(outside);
        expect(below).toBeLessThanOrEqual(outside);
        const { width } = histogram;
        // One bin further in on either side would leave out too many, unless that end is 0 already.
        if (max > 0) expect(values.filter((value) => value >= max - width).length).toBeGreaterThan(outside);
        if (min < 0) expect(values.filter((value) => value < min + width).length).toBeGreaterThan(outside);
      }),
    );
  });

  it('are the whole range at 100 per cent', () => {
    const values = cloud(5000);
    expect(percentileRange(histogramOf(values), seenOf(values), 100)).toEqual(seenOf(values));
  });

  it('cut off a lone outlier', () => {
    const values = cloud(10_000);
    values[7] = 1000;
    expect(percentileRange(histogramOf(values), seenOf(values), 99.9).max).toBeLessThan(8);
  });
});

/** The divergence of a window, from distributions written out in full. */
function divergenceByHand(counts: readonly number[], first: number, last: number): number {
  const reference = counts.slice(first, last);
  const outsideBelow = counts.slice(0, first).reduce((a, b) => a + b, 0);
  const outsideAbove = counts.slice(last).reduce((a, b) => a + b, 0);
  const squeezed = new Array<number>(reference.length).fill(0);
  for (let level = 0; level < 128; level++) {
    const from = Math.floor((level * reference.length) / 128);
    const to = Math.floor(((level + 1) * reference.length) / 128);
    const bins = reference.slice(from, to);
    const mean = bins.reduce((a, b) => a + b, 0) / bins.filter((count) => count > 0).length;
    bins.forEach((count, index) => {
      squeezed[from + index] = count > 0 ? mean : 0;
    });
  }
  reference[0] = (reference[0] ?? 0) + outsideBelow;
  reference[reference.length - 1] = (reference.at(-1) ?? 0) + outsideAbove;
  const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const [p, q] = [total(reference), total(squeezed)];
  return reference.reduce((sum, count, index) => {
    if (count === 0) return sum;
    return sum + (count / p) * Math.log(count / p / ((squeezed[index] || 1e-4 * q) / q));
  }, 0);
}

function entropyByHand(histogram: Histogram, seen: Range): Range {
  const { start, width } = histogram;
  const counts = [...histogram.counts];
  const zero = Math.round(-start / width);
  counts[zero] = counts[zero + 1] ?? 0;
  const reachMax = Math.max(zero, counts.length - zero);
  const step = Math.max(1, Math.ceil(reachMax / 256));
  const windows: { divergence: number; range: Range }[] = [];
  for (let reach = reachMax; reach > 0; reach -= step) {
    const [first, last] = [Math.max(0, zero - reach), Math.min(counts.length, zero + reach)];
    if (last - first < 128) break;
    const range = {
      min: Math.min(0, Math.max(seen.min, start + first * width)),
      max: Math.max(0, Math.min(seen.max, start + last * width)),
    };
    const divergence = divergenceByHand(counts, first, last);
    if (!Number.isNaN(divergence)) windows.push({ divergence, range });
  }
  const least = Math.min(...windows.map(({ divergence }) => divergence));
  return windows.find(({ divergence }) => divergence <= least + 1e-12)?.range ?? seen;
}

describe('entropy', () => {
  it.each([
    ['a bell', cloud(8000)],
    ['a bell behind a Relu', cloud(8000).map((value) => Math.max(0, value))],
    ['a bell with a long tail', cloud(8000).map((value) => value ** 3)],
    ['negative numbers only', cloud(10_000).map((value) => -Math.abs(value))],
    ['an outlier', cloud(8000).map((value, index) => (index === 5 ? 60 : value))],
    ['numbers far from zero', cloud(10_000).map((value) => value + 100)],
  ])('chooses the window that full distributions would: %s', (_, values) => {
    const histogram = histogramOf(values);
    const chosen = entropyRange(histogram, seenOf(values));
    const expected = entropyByHand(histogram, seenOf(values));
    expect(chosen.min).toBeCloseTo(expected.min, 6);
    expect(chosen.max).toBeCloseTo(expected.max, 6);
  });

  it('cuts tails off, and keeps what is spread evenly', () => {
    const bell = cloud(8000).map((value, index) => (index === 5 ? 60 : value));
    expect(entropyRange(histogramOf(bell), seenOf(bell)).max).toBeLessThan(10);
    const even = Float32Array.from({ length: 20_000 }, (_, index) => index / 20_000);
    expect(entropyRange(histogramOf(even), seenOf(even)).max).toBeGreaterThan(0.95);
  });

  it('does not mind that most values are zero', () => {
    const some = cloud(5000).map(Math.abs);
    const sparse = Float32Array.from({ length: 50_000 }, (_, index) => some[index] ?? 0);
    const withZeros = entropyRange(histogramOf(sparse), seenOf(sparse));
    expect(withZeros).toEqual(entropyRange(histogramOf(some), seenOf(some)));
  });

  it('of nothing but zeros is nothing but zero', () => {
    const zeros = new Float32Array(100);
    expect(entropyRange(histogramOf(zeros), { min: 0, max: 0 })).toEqual({ min: 0, max: 0 });
  });
});
