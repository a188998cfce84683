import type { ModelConfig } from './message.js';
import { type Problem, warningAt } from './problem.js';
import type { QuantizationMode, QuantizationSpec } from './quantization.js';
import { QUANTIZATION_PREFIX, readQuantization } from './quantization-parameters.js';

const BLOCK_MODES: readonly QuantizationMode[] = ['int8-weight', 'int4-weight', 'nf4', 'fp4'];

/** Settings that only some modes heed. `auto` may come to any of them. */
const HEEDED_BY: Readonly<Record<string, readonly QuantizationMode[]>> = {
  block_size: BLOCK_MODES,
  symmetric: ['int8-weight', 'int4-weight'],
  keep_ops: ['fp16'],
  calibration_method: ['int8'],
  percentile: ['int8'],
};

/** A warning for each `quantization.*` parameter that changes nothing beside the others, which was hardly meant. */
export function idleQuantizationSettings(config: ModelConfig): Problem[] {
  const { spec } = readQuantization(config);
  if (spec === null) return [];
  return Object.keys(HEEDED_BY).flatMap((setting) => {
    const key = `${QUANTIZATION_PREFIX}${setting}`;
    const reason = Object.hasOwn(config.parameters, key) ? whyIdle(setting, spec) : '';
    if (reason === '') return [];
    return [warningAt(['parameters', key, 'string_value'], `parameter '${key}' has no effect ${reason}`)];
  });
}

function whyIdle(setting: string, { mode, calibrationMethod }: QuantizationSpec): string {
  const heeding = HEEDED_BY[setting] ?? [];
  if (mode !== 'auto' && !heeding.includes(mode)) return `in mode '${mode}', only in ${heeding.join(', ')}`;
  const isUnused = setting === 'percentile' && calibrationMethod !== 'percentile';
  return isUnused ? `unless '${QUANTIZATION_PREFIX}calibration_method' is 'percentile'` : '';
}
