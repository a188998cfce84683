/**
 * Where the weights of each output channel lie in a tensor: element `depth` of `row` of a channel is at
 * channel * channelStride + row * rowStride + depth * depthStride. Rows are the places under a filter and depth
 * its input channels: the order in which kernels add products up.
 */
export interface WeightLayout {
  readonly channels: number;
  readonly channelStride: number;
  readonly rows: number;
  readonly rowStride: number;
  readonly depth: number;
  readonly depthStride: number;
  /** Whether kernels add the products of neighbours in 16 bits; those of depthwise convolutions don't. */
  readonly pairs: boolean;
}

/** Weights as 8-bit integers, those of an output channel sharing a scale: weight = scale * number. */
export interface QuantizedWeights {
  readonly numbers: Int8Array;
  readonly scales: Float32Array;
  /** Root mean square of the differences from the weights, relative to that of the weights. */
  readonly error: number;
}

/** Greatest magnitude of a number; -128 is left out so that both signs reach equally far. */
const MAGNITUDE_MAX = 127;

/**
 * Processors without VNNI (VPMADDUBSW) multiply 0..255 with these numbers and add the products of two neighbours
 * in 16 bits, cutting off what is beyond 32767. When the weights of two neighbours come to this many scales, their
 * numbers come to 128 at most after rounding, and 255 * 128 = 32640.
 */
const PAIR_MAX = 127;

/** Layout of the filters of a convolution: [output channels, input channels of a group, ...places]. */
export function filterLayout(dims: readonly number[], groups: number): WeightLayout {
  const [channels = 1, depth = 1, ...places] = dims;
  const rows = places.reduce((a, size) => a * size, 1);
  const pairs = depth > 1 || channels !== groups;
  return { channels, channelStride: depth * rows, rows, rowStride: 1, depth, depthStride: rows, pairs };
}

/** Layout of a matrix whose columns are the output channels: [inputs, outputs]. */
export function columnLayout([depth = 1, channels = 1]: readonly number[]): WeightLayout {
  return { channels, channelStride: 1, rows: 1, rowStride: 0, depth, depthStride: channels, pairs: true };
}

/** Layout of a matrix whose rows are the output channels: [outputs, inputs]. */
export function rowLayout([channels = 1, depth = 1]: readonly number[]): WeightLayout {
  return { channels, channelStride: depth, rows: 1, rowStride: 0, depth, depthStride: 1, pairs: true };
}

/** The bias is counted in input scale * weight scale: so many of them leave room for the sums in 32 bits. */
const BIAS_NUMBER_MAX = 2 ** 30;
/** Where all weights are zero only the bias counts: fine, and far from the limit. */
const LONE_BIAS_NUMBER = 2 ** 24;

/**
 * Quantizes weights, which are finite, per output channel. Scales are as fine as the greatest weight allows, no
 * pair of neighbours exceeds the 16-bit sums of processors without VNNI, so that the answers are the same on
 * all, and the bias, which `bias` gives in scales of the input, fits 32 bits.
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
    scales[channel] = channelScale(finestScale(weights, layout, start), Math.abs(bias?.[channel] ?? 0));
    // As the float that it is stored as.
    const scale = scales[channel] as number;
    for (let row = 0; row < rows; row++) {
      let index = start + row * rowStride;
      for (let i = 0; i < depth; i++, index += depthStride) {
        const weight = weights[index] as number;
        const number = Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, Math.round(weight / scale)));
        numbers[index] = number;
        squares += weight * weight;
        errorSquares += (weight - number * scale) ** 2;
      }
    }
  }
  return { numbers, scales, error: squares === 0 ? 0 : Math.sqrt(errorSquares / squares) };
}

function channelScale(finest: number, bias: number): number {
  if (finest > 0) return Math.max(finest, bias / BIAS_NUMBER_MAX);
  return bias > 0 ? bias / LONE_BIAS_NUMBER : 1;
}

/** The least scale of the channel at `start` that keeps its numbers in bounds; 0 when all its weights are. */
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
