import { describe, expect, it } from 'vitest';
import { Histogram } from '#naiad/telemetry/histogram.js';

describe('a histogram', () => {
  it('counts a value in the first bucket that it fits, bounds included', () => {
    const histogram = new Histogram([1, 2, 5]);
    for (const value of [0, 1, 1.5, 2, 2.001, 5, 6, 1000]) histogram.observe(value);
    expect(histogram.view()).toEqual({ cumulative: [2, 4, 6, 8], count: 8, sum: 1017.501 });
  });

  it('takes values in a finer unit than its bounds have', () => {
    const bounds = [0.0001, 0.0002, 0.001];
    const histogram = new Histogram(bounds, 1e9);
    for (const ns of [100_000, 100_001, 200_000, 1_000_000, 1_000_001]) histogram.observe(ns);
    expect(histogram.view()).toEqual({ cumulative: [1, 3, 4, 5], count: 5, sum: 0.002_400_002 });
    expect(histogram.bounds).toBe(bounds);
  });

  it.each([0, 1, 2, 3, 4, 7, 16])('finds the bucket among %i bounds as a scan would', (count) => {
    const bounds = Array.from({ length: count }, (_, index) => index * 10);
    for (let value = -5; value < count * 10 + 5; value++) {
      const histogram = new Histogram(bounds);
      histogram.observe(value);
      expect(histogram.view().cumulative.indexOf(1)).toBe(
        [...bounds, Number.POSITIVE_INFINITY].findIndex((bound) => value <= bound),
      );
    }
  });
});
