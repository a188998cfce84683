import type { WeightLayout } from './weight-layout.js';
import type { QuantizedWeights } from './weights.js';

export interface QuantizedBias {
  readonly numbers: Int32Array;
  /** Of each channel: input scale * weight scale, what the sums of products are counted in. */
  readonly scales: Float32Array;
}

/** The bias in 32-bit numbers that kernels add to their sums; `quantizeWeights` sees to it that they fit. */
export function quantizeBias(
  bias: Float32Array,
  inputScale: number,
  weightScales: Float32Array,
): QuantizedBias {
  const scales = weightScales.map((scale) => scale * inputScale);
  const numbers = Int32Array.from(bias, (value, channel) => Math.round(value / (scales[channel] as number)));
  return { numbers, scales };
}

/**
 * What the rounding of the weights takes from each output channel on average, when the input channels have
 * `means`: to be added to the bias ("Data-Free Quantization Through Weight Equalization and Bias Correction",
 * M. Nagel et al., 2019, with means that were seen). null when there are not as many means as input channels.
 */
export function lostBias(
  weights: Float32Array,
  { numbers, scales }: Pick<QuantizedWeights, 'numbers' | 'scales'>,
  layout: WeightLayout,
  means: Float32Array,
): Float32Array | null {
  const { channels, channelStride, rows, rowStride, depth, depthStride, groups } = layout;
  if (means.length !== groups * depth) return null;
  const lost = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const scale = scales[channel] as number;
    const firstInput = Math.floor((channel * groups) / channels) * depth;
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      let index = channel * channelStride + row * rowStride;
      for (let i = 0; i < depth; i++, index += depthStride) {
        const error = (weights[index] as number) - (numbers[index] as number) * scale;
        sum += error * (means[firstInput + i] as number);
      }
    }
    lost[channel] = sum;
  }
  return lost;
}
