import type { ModelSpec, WarmupInput, WarmupSample } from '../model-config/model-spec.js';
import { autoWarmUpDims } from '../model-config/warm-up.js';
import { LIMITS } from '../settings/limits.js';
import { elementCount } from '../tensor/shape.js';
import { zeroBytes } from './warm-up-data.js';

/**
 * Samples of zeros of each batch size that a scheduler forms by preference, the smallest first; none when
 * the configuration does not ask for them. Optional inputs, and sizes that a queue could not hold, are left
 * out.
 */
export function autoSamples(spec: ModelSpec): WarmupSample[] {
  if (!spec.warmupAuto) return [];
  const inputs = spec.inputs
    .filter(({ optional }) => !optional)
    .map(({ name, datatype, dims, backendDims, image }): WarmupInput => {
      const fixed = autoWarmUpDims(dims, image) ?? dims;
      return {
        name,
        datatype,
        dims: fixed,
        backendDims: autoWarmUpDims(backendDims, image) ?? backendDims,
        data: { kind: 'zero' },
      };
    });
  const rowBytes = inputs.reduce(
    (sum, { datatype, dims }) => sum + zeroBytes(datatype, elementCount(dims)),
    0,
  );
  return thinned(batchSizes(spec), LIMITS.warmUpSizesMax)
    .filter((batchSize) => batchSize * rowBytes <= LIMITS.warmUpBytesMax)
    .map((batchSize) => ({
      name: spec.maxBatchSize > 0 ? `warmup.auto, batch size ${batchSize}` : 'warmup.auto',
      batchSize,
      count: 1,
      inputs,
    }));
}

function batchSizes({ maxBatchSize: max, scheduling }: ModelSpec): number[] {
  const preferred = scheduling.kind === 'dynamic' ? scheduling.preferredBatchSizes : [];
  return max > 0 ? [...new Set([1, ...preferred, max])].sort((a, b) => a - b) : [1];
}

/** At most `countMax` (> 1) of the items, the first and the last among them, the others evenly spread. */
function thinned<T>(items: readonly T[], countMax: number): T[] {
  if (items.length <= countMax) return [...items];
  const step = (items.length - 1) / (countMax - 1);
  return Array.from({ length: countMax }, (_, index) => items[Math.round(index * step)] as T);
}
