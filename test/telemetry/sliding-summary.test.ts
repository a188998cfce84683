import { describe, expect, it } from 'vitest';
import { SlidingSummary } from '#naiad/telemetry/sliding-summary.js';

const SECOND_NS = 1e9;

/** 1 to `count`, in an order that is not theirs. */
const shuffled = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => ((index * 7919) % count) + 1);

describe('quantiles', () => {
  it('are exact where values are small', () => {
    const summary = new SlidingSummary();
    for (const value of shuffled(20)) summary.observe(value, 0);
    expect(summary.quantiles([0, 0.5, 0.95, 1], 0)).toEqual([1, 10, 19, 20]);
  });

  it.each([1000, 100_000])('are 1.6 %% exact among %i values', (count) => {
    const summary = new SlidingSummary();
    for (const value of shuffled(count)) summary.observe(value, 0);
    const quantiles = [0.01, 0.5, 0.9, 0.99, 0.999];
    summary.quantiles(quantiles, 0).forEach((value, index) => {
      const exact = (quantiles[index] ?? 0) * count;
      expect(Math.abs(value - exact) / exact).toBeLessThan(0.016);
    });
  });

  it('take any duration, the longest as the largest they know', () => {
    const summary = new SlidingSummary();
    for (const value of [-1, 0, 0.9, 2 ** 31 - 1, 2 ** 40]) summary.observe(value, 0);
    const [least, most = 0] = summary.quantiles([0.5, 1], 0);
    expect([least, Math.abs(most / 2 ** 31 - 1) < 0.016]).toEqual([0, true]);
  });

  it('are those of the last minute, counts and sums those of all time', () => {
    const summary = new SlidingSummary();
    summary.observe(5, 0);
    summary.observe(30, 30 * SECOND_NS);
    const median = (second: number) => summary.quantiles([0.5, 1], second * SECOND_NS);
    expect(median(47)).toEqual([5, 30]);
    expect(median(61)).toEqual([30, 30]);
    expect(median(200)).toEqual([Number.NaN, Number.NaN]);
    summary.observe(7, 200 * SECOND_NS);
    expect(median(200)).toEqual([7, 7]);
    expect([summary.count, summary.sum]).toEqual([3, 42]);
  });

  it('are nothing where there was no value', () => {
    expect(new SlidingSummary().quantiles([0.5], 0)).toEqual([Number.NaN]);
  });
});
