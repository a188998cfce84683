import { describe, expect, it } from 'vitest';
import { idleQuantizationSettings } from '#naiad/model-config/idle-quantization-settings.js';
import { checkParameters } from '#naiad/model-config/parameters.js';
import { aModelConfig } from '../support/memory-service.js';

/** What is told of these settings. */
function told(settings: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(settings).map(([key, string_value]) => [
    `quantization.${key}`,
    { string_value },
  ]);
  const config = aModelConfig({ parameters: Object.fromEntries(entries) });
  const problems = idleQuantizationSettings(config);
  expect(checkParameters(config)).toEqual(expect.arrayContaining(problems));
  expect(problems.every(({ severity }) => severity === 'warning')).toBe(true);
  return problems.map(({ message }) => message);
}

describe('a setting without effect', () => {
  it.each([
    ['block_size', '16', 'int8-dynamic', 'int8-weight, int4-weight, nf4, fp4'],
    ['symmetric', 'false', 'nf4', 'int8-weight, int4-weight'],
    ['keep_ops', 'Conv', 'nf4', 'fp16'],
    ['calibration_method', 'entropy', 'fp16', 'int8'],
    ['percentile', '99', 'fp16', 'int8'],
  ])('%s = %s is told of in mode %s', (setting, value, mode, heeding) => {
    expect(told({ mode, [setting]: value })).toEqual([
      `parameter 'quantization.${setting}' has no effect in mode '${mode}', only in ${heeding}`,
    ]);
    for (const other of heeding.split(', ')) {
      const needed = {
        calibration: 'c',
        ...(setting === 'percentile' && { calibration_method: 'percentile' }),
      };
      expect(told({ mode: other, ...needed, [setting]: value }).join()).not.toContain(`.${setting}'`);
    }
  });

  it('is a percentile by which no range is taken', () => {
    const settings = { mode: 'int8', calibration: 'c', percentile: '99' };
    expect(told(settings)).toEqual([
      "parameter 'quantization.percentile' has no effect unless 'quantization.calibration_method' is 'percentile'",
    ]);
    expect(told({ ...settings, calibration_method: 'percentile' })).toEqual([]);
  });

  it('is none of those that auto may need, nor of those that are wrong', () => {
    expect(told({ mode: 'auto', block_size: '16', symmetric: 'false', keep_ops: 'Conv' })).toEqual([]);
    expect(told({ mode: 'int9', block_size: '16' })).toEqual([]);
    expect(told({})).toEqual([]);
  });
});
