import type { Artifacts } from './artifacts.js';

/** For servers without a cache: every model is loaded as it is. */
export const NO_ARTIFACTS: Artifacts = {
  async prepare({ options: { modelFile }, quantization }) {
    const shortfall =
      quantization === null
        ? ''
        : `it is not quantized (${quantization.spec.mode}): there is no artifact cache to keep what would be made`;
    if (quantization?.spec.onFailure === 'fail') throw new Error(shortfall);
    return { modelFile, compiled: false, report: null, shortfall, live: null, steps: [] };
  },
  distrust() {},
  quantizeLive: async () => false,
};
