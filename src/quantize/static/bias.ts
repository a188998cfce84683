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
