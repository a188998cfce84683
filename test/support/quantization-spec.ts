import type { QuantizationSpec } from '#naiad/model-config/quantization.js';
import type { MethodContext } from '#naiad/quantize/method.js';

/** `int8-weight` with blocks of 32 unless said otherwise. */
export function aQuantizationSpec(overrides: Partial<QuantizationSpec> = {}): QuantizationSpec {
  return {
    mode: 'int8-weight',
    blockSize: 32,
    symmetric: true,
    include: [],
    exclude: [],
    keepFirst: false,
    keepLast: false,
    keepOps: [],
    calibration: { kind: 'none' },
    calibrationMethod: 'min-max',
    percentile: 99.99,
    samplesMax: 16,
    seed: 1,
    bounds: { minCosine: 0.9, minTop1Agreement: 0 },
    onFailure: 'original',
    ...overrides,
  };
}

/** What a method may go by when there are no ranges and no facts. */
export function aMethodContext(
  spec: Partial<QuantizationSpec> = {},
  { facts = new Map(), ranges = new Map() }: Partial<Omit<MethodContext, 'spec'>> = {},
): MethodContext {
  return { spec: aQuantizationSpec(spec), facts, ranges };
}
