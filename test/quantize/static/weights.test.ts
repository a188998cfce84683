import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lostBias, quantizeBias } from '#naiad/quantize/static/bias.js';
import {
  columnLayout,
  filterLayout,
  rowLayout,
  type WeightLayout,
} from '#naiad/quantize/static/weight-layout.js';
import { quantizeWeights } from '#naiad/quantize/static/weights.js';
import { NetBuilder } from '../../support/net-builder.js';

interface Case {
  readonly dims: readonly number[];
  readonly groups: number;
  readonly weights: Float32Array;
}

/** Filters of any shape whose channels differ in size by orders of magnitude. */
const filters: fc.Arbitrary<Case> = fc
  .record({
    channels: fc.integer({ min: 1, max: 6 }),
    depth: fc.integer({ min: 1, max: 7 }),
    place: fc.constantFrom<readonly number[]>([1, 1], [3, 3], [5, 1], [2]),
    depthwise: fc.boolean(),
    seed: fc.integer(),
    kind: fc.constantFrom('bell', 'positive', 'sparse'),
  })
  .map(({ channels, depth, place, depthwise, seed, kind }) => {
    const dims = [channels, depthwise ? 1 : depth, ...place];
    const perChannel = dims.slice(1).reduce((a, b) => a * b, 1);
    const weights = new NetBuilder(seed).normal(channels * perChannel).map((value, index) => {
      const size = 10 ** ((Math.floor(index / perChannel) % 5) - 2);
      if (kind === 'positive') return Math.abs(value) * size;
      return kind === 'sparse' && index % 3 > 0 ? 0 : value * size;
    });
    return { dims, groups: depthwise ? channels : 1, weights };
  });

/** Indices of a channel's weights in the order in which kernels add up, row by row. */
function placesOf(layout: WeightLayout, channel: number): number[][] {
  return Array.from({ length: layout.rows }, (_, row) =>
    Array.from(
      { length: layout.depth },
      (_, i) => channel * layout.channelStride + row * layout.rowStride + i * layout.depthStride,
    ),
  );
}

describe('8-bit weights', () => {
  it('are less than a scale from the weights, half a scale where a filter has one place', () => {
    fc.assert(
      fc.property(filters, ({ dims, groups, weights }) => {
        const layout = filterLayout(dims, groups);
        const { numbers, scales, error } = quantizeWeights(weights, layout, null);
        const perChannel = weights.length / layout.channels;
        let squares = 0;
        let errorSquares = 0;
        let most = 0;
        for (const [index, weight] of weights.entries()) {
          const scale = scales[Math.floor(index / perChannel)] ?? 0;
          const off = Math.abs(weight - (numbers[index] ?? 0) * scale);
          most = Math.max(most, off / scale);
          squares += weight ** 2;
          errorSquares += off ** 2;
        }
        expect(most).toBeLessThanOrEqual((layout.rows === 1 ? 0.5 : 1) * (1 + 1e-4));
        expect(error).toBeCloseTo(squares === 0 ? 0 : Math.sqrt(errorSquares / squares), 5);
      }),
    );
  });

  it('of a filter have the sum of its weights, to half a scale', () => {
    fc.assert(
      fc.property(filters, ({ dims, groups, weights }) => {
        const layout = filterLayout(dims, groups);
        const { numbers, scales } = quantizeWeights(weights, layout, null);
        const lost = Array.from({ length: layout.channels * layout.depth }, (_, filter) => {
          const channel = Math.floor(filter / layout.depth);
          const scale = scales[channel] ?? 0;
          const indices = placesOf(layout, channel).map((row) => row[filter % layout.depth] ?? 0);
          return indices.reduce((sum, at) => sum + (weights[at] ?? 0) / scale - (numbers[at] ?? 0), 0);
        });
        expect(Math.max(...lost.map(Math.abs))).toBeLessThanOrEqual(0.5 + 1e-3);
      }),
    );
  });

  it('never come to more than 128 in neighbours that are added in 16 bits', () => {
    fc.assert(
      fc.property(filters, ({ dims, groups, weights }) => {
        const layout = filterLayout(dims, groups);
        const { numbers } = quantizeWeights(weights, layout, null);
        expect(numbers.every((number) => Math.abs(number) <= 127)).toBe(true);
        if (!layout.pairs) return;
        const step = layout.depth % 2 === 0 ? 2 : 1;
        const pairs = Array.from({ length: layout.channels }, (_, channel) =>
          placesOf(layout, channel)
            .flat()
            .map((at, position, order) =>
              position % step === 0 ? (numbers[at] ?? 0) + (numbers[order[position + 1] ?? -1] ?? 0) : 0,
            ),
        );
        expect(Math.max(...pairs.flat().map(Math.abs))).toBeLessThanOrEqual(128);
      }),
    );
  });

  it('use their reach: the greatest number or the greatest pair is near its limit', () => {
    const weights = new NetBuilder(2).normal(8 * 16 * 9);
    const layout = filterLayout([8, 16, 3, 3], 1);
    const { numbers } = quantizeWeights(weights, layout, null);
    for (let channel = 0; channel < 8; channel++) {
      const order = placesOf(layout, channel).flat();
      const singles = order.map((at) => Math.abs(numbers[at] ?? 0));
      const pairs = singles.map((_, at) =>
        at % 2 === 0 ? Math.abs((numbers[order[at] ?? 0] ?? 0) + (numbers[order[at + 1] ?? 0] ?? 0)) : 0,
      );
      expect(Math.max(...singles, ...pairs)).toBeGreaterThanOrEqual(126);
    }
  });

  it.each([1e-44, 3e-43, 1e-40])('of %s, below what floats count in, are all but zero', (tiny) => {
    const layout = filterLayout([1, 1, 3, 3], 1);
    const { numbers, scales, error } = quantizeWeights(new Float32Array(9).fill(tiny), layout, null);
    expect(scales[0]).toBe(2 ** -126);
    expect(numbers.every((number) => Math.abs(number * (scales[0] ?? 0) - tiny) <= 2 ** -126)).toBe(true);
    expect(error).toBeLessThanOrEqual(1);
  });

  it('of a matrix are those of its transpose', () => {
    const weights = new NetBuilder(4).normal(6 * 10);
    const transposed = Float32Array.from(
      weights,
      (_, index) => weights[(index % 6) * 10 + Math.floor(index / 6)] ?? 0,
    );
    const rows = quantizeWeights(weights, rowLayout([6, 10]), null);
    const columns = quantizeWeights(transposed, columnLayout([10, 6]), null);
    expect(columns.scales).toEqual(rows.scales);
    expect(columns.error).toBeCloseTo(rows.error, 9);
    expect([...columns.numbers]).toEqual(
      Array.from(rows.numbers, (_, index) => rows.numbers[(index % 6) * 10 + Math.floor(index / 6)]),
    );
  });
});

describe('the bias', () => {
  const layout = filterLayout([3, 4, 1, 1], 1);
  // The first channel is all but dead, the second is dead.
  const weights = Float32Array.from([1e-12, 0, 0, 0, 0, 0, 0, 0, 0.5, -0.25, 1, 0]);

  it('fits 32 bits beside weights of any size, and is exact to half of what it counts in', () => {
    const bias = Float32Array.of(700, -0.3, 12);
    const inputScale = 1e-3;
    const { scales } = quantizeWeights(
      weights,
      layout,
      bias.map((value) => value / inputScale),
    );
    const { numbers, scales: units } = quantizeBias(bias, inputScale, scales);
    numbers.forEach((number, channel) => {
      const unit = units[channel] ?? 0;
      expect(Math.abs(number)).toBeLessThanOrEqual(2 ** 30 * 1.001);
      expect(Math.abs(number * unit - (bias[channel] ?? 0))).toBeLessThanOrEqual(
        unit * 0.51 + 1e-4 * Math.abs(bias[channel] ?? 0),
      );
      expect(unit).toBeLessThan(0.01);
    });
    expect(scales[2]).toBeCloseTo(1 / 127, 6);
  });

  it('of dead channels without one is zero', () => {
    const { scales, numbers } = quantizeWeights(new Float32Array(12), layout, new Float32Array(3));
    expect([...scales]).toEqual([1, 1, 1]);
    expect(numbers.every((number) => number === 0)).toBe(true);
  });

  it('gets back what the rounding of weights loses on average', () => {
    const random = new NetBuilder(8);
    const grouped = filterLayout([4, 3, 2, 2], 2);
    const filters = random.normal(4 * 3 * 4);
    const quantized = quantizeWeights(filters, grouped, null);
    const means = random.normal(6);
    const lost = lostBias(filters, quantized, grouped, means);
    for (let channel = 0; channel < 4; channel++) {
      let expected = 0;
      for (let i = 0; i < 3; i++) {
        for (let place = 0; place < 4; place++) {
          const at = (channel * 3 + i) * 4 + place;
          const rounded = (quantized.numbers[at] ?? 0) * (quantized.scales[channel] ?? 0);
          expected += ((filters[at] ?? 0) - rounded) * (means[Math.floor(channel / 2) * 3 + i] ?? 0);
        }
      }
      expect(lost?.[channel]).toBeCloseTo(expected, 6);
    }
    expect(lostBias(filters, quantized, grouped, new Float32Array(5))).toBeNull();
  });
});
