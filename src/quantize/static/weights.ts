import { channelScale } from './channel-scale.js';
import { roundFilter } from './round-filter.js';
import type { WeightLayout } from './weight-layout.js';

/** Weights as 8-bit integers, those of an output channel sharing a scale: weight = scale * number. */
export interface QuantizedWeights {
  readonly numbers: Int8Array;
  readonly scales: Float32Array;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/**
 * Quantizes weights, which are finite, per output channel. Scales are as fine as the greatest weight allows, no
 * pair of neighbours exceeds the 16-bit sums of processors without VNNI, so that the answers are the same on
 * all, and the bias, which `bias` gives in scales of the input, fits 32 bits. Filters keep their sums: places
 * beside each other mostly hold like values, for which the errors of a filter add up.
 */
export function quantizeWeights(
  weights: Float32Array,
  layout: WeightLayout,
  bias: Float32Array | null,
): QuantizedWeights {
  const { channels, channelStride, rows, rowStride, depth, depthStride } = layout;
  const numbers = new Int8Array(weights.length);
  const scales = new Float32Array(channels);
  let squares = 0;
  let errorSquares = 0;
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * channelStride;
    scales[channel] = channelScale(weights, layout, start, Math.abs(bias?.[channel] ?? 0));
    // As the float that it is stored as.
    const scale = scales[channel] as number;
    for (let i = 0; i < depth; i++) {
      const first = start + i * depthStride;
      roundFilter(weights, numbers, first, rowStride, rows, scale);
      for (let row = 0; row < rows; row++) {
        const weight = weights[first + row * rowStride] as number;
        squares += weight * weight;
        errorSquares += (weight - (numbers[first + row * rowStride] as number) * scale) ** 2;
      }
    }
  }
  return { numbers, scales, error: squares === 0 ? 0 : Math.sqrt(errorSquares / squares) };
}
