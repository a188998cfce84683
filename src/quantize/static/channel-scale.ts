import { MAGNITUDE_MAX } from './round-filter.js';
import type { WeightLayout } from './weight-layout.js';

/**
 * Processors without VNNI (VPMADDUBSW) multiply 0..255 with these numbers and add the products of two neighbours
 * in 16 bits, cutting off what is beyond 32767. When the weights of two neighbours come to this many scales, their
 * numbers come to 128 at most after rounding, and 255 * 128 = 32640.
 */
const PAIR_MAX = 127;

/** The bias is counted in input scale * weight scale: so many of them leave room for the sums in 32 bits. */
const BIAS_NUMBER_MAX = 2 ** 30;
/** Where all weights are zero only the bias counts: fine, and far from the limit. */
const LONE_BIAS_NUMBER = 2 ** 24;

/** The least float of full precision: smaller ones are nothing, or too coarse to count in. */
const SCALE_MIN = 2 ** -126;

/**
 * The least scale of the channel whose weights begin at `start` that keeps its numbers in bounds, and its bias,
 * whose magnitude is `bias` scales of the input.
 */
export function channelScale(
  weights: Float32Array,
  layout: WeightLayout,
  start: number,
  bias: number,
): number {
  const finest = finestScale(weights, layout, start);
  if (finest > 0) return Math.max(finest, bias / BIAS_NUMBER_MAX, SCALE_MIN);
  return bias > 0 ? Math.max(bias / LONE_BIAS_NUMBER, SCALE_MIN) : 1;
}

/** 0 when all weights of the channel are. */
function finestScale(weights: Float32Array, layout: WeightLayout, start: number): number {
  const { rows, rowStride, depth, depthStride, pairs } = layout;
  // Kernels add up products 1 and 2, 3 and 4, ...; of an odd depth it depends on where the row begins.
  const stride = depth % 2 === 0 ? 2 : 1;
  let peak = 0;
  let pairPeak = 0;
  let before = 0;
  for (let row = 0; row < rows; row++) {
    let index = start + row * rowStride;
    for (let i = 0; i < depth; i++, index += depthStride) {
      const weight = weights[index] as number;
      const magnitude = Math.abs(weight);
      if (magnitude > peak) peak = magnitude;
      // Of opposite signs they don't add up beyond either.
      if ((stride === 1 || i % 2 === 1) && weight * before > 0) {
        const pair = Math.abs(weight + before);
        if (pair > pairPeak) pairPeak = pair;
      }
      before = weight;
    }
  }
  return Math.max(peak / MAGNITUDE_MAX, pairs ? pairPeak / PAIR_MAX : 0);
}
