import { describe, expect, it } from 'vitest';
import {
  MODE_DEFAULTS,
  QUANTIZATION_MODES,
  readQuantization,
  readQuantizationSettings,
} from '#naiad/model-config/quantization-parameters.js';
import { aConfig } from './builders.js';

function read(settings: Readonly<Record<string, string>>) {
  return readQuantizationSettings(new Map(Object.entries(settings)));
}

function problemOf(settings: Readonly<Record<string, string>>): string {
  const { spec, problems } = read(settings);
  expect(spec).toBeNull();
  expect(problems).toHaveLength(1);
  const [problem] = problems;
  return `${problem?.setting} ${problem?.text}`;
}

describe('settings of quantization', () => {
  it('are none where no mode is asked for', () => {
    expect(read({})).toEqual({ spec: null, problems: [] });
  });

  it.each(QUANTIZATION_MODES)('%s has its defaults', (mode) => {
    const { spec, problems } = read({ mode, calibration: 'samples' });
    expect(problems).toEqual([]);
    const { blockSize, minCosine, minTop1Agreement } = MODE_DEFAULTS[mode];
    expect(spec).toMatchObject({
      mode,
      blockSize,
      bounds: { minCosine, minTop1Agreement },
      calibration: { kind: 'folder', path: 'samples' },
      onFailure: 'original',
    });
  });

  it('are read as they are given', () => {
    const { spec } = read({
      mode: 'int4-weight',
      block_size: '128',
      symmetric: 'false',
      include: 'MatMul, /layers.0/attention/MatMul',
      exclude: 'head',
      keep_first: '1',
      keep_last: 'TRUE',
      keep_ops: 'Softmax',
      calibration: 'live:500',
      calibration_method: 'entropy',
      percentile: '99.9',
      samples_max: '32',
      seed: '7',
      min_cosine: '0.98',
      min_top1_agreement: '1',
      on_failure: 'fail',
    });
    expect(spec).toEqual({
      mode: 'int4-weight',
      blockSize: 128,
      symmetric: false,
      include: ['MatMul', '/layers.0/attention/MatMul'],
      exclude: ['head'],
      keepFirst: true,
      keepLast: true,
      keepOps: ['Softmax'],
      calibration: { kind: 'live', requests: 500 },
      calibrationMethod: 'entropy',
      percentile: 99.9,
      samplesMax: 32,
      seed: 7,
      bounds: { minCosine: 0.98, minTop1Agreement: 1 },
      onFailure: 'fail',
    });
  });

  it.each([
    [
      { mode: 'int8dynamic' },
      /^mode must be one of int8, .*, got 'int8dynamic', did you mean 'int8-dynamic'\?$/,
    ],
    [{ mode: 'int8' }, /^mode 'int8' needs samples/],
    [{ mode: 'nf4', blocksize: '64' }, /^blocksize is unknown, did you mean 'block_size'\?$/],
    [{ mode: 'nf4', block_size: '48' }, /^block_size must be one of 16, 32, 64, 128, 256, got '48'/],
    [{ mode: 'nf4', symmetric: 'maybe' }, /^symmetric must be true or false, got 'maybe'$/],
    [{ mode: 'nf4', min_cosine: '1.5' }, /^min_cosine must be a number from 0 to 1, got '1.5'$/],
    [{ mode: 'nf4', min_cosine: 'NaN' }, /^min_cosine must be a number/],
    [{ mode: 'nf4', calibration: 'live:many' }, /^calibration must be a folder, or live:N/],
    [{ mode: 'nf4', calibration: 'live:0' }, /^calibration must be a folder, or live:N/],
    [{ mode: 'nf4', calibration: '' }, /^calibration must be a folder/],
    [{ mode: 'int8', calibration: 'x', calibration_method: 'minmax' }, /did you mean 'min-max'\?$/],
    [{ mode: 'nf4', on_failure: 'ignore' }, /^on_failure must be original or fail, got 'ignore'$/],
    [{ mode: 'nf4', samples_max: '0' }, /^samples_max must be a whole number/],
    [{ min_cosine: '0.9' }, /^min_cosine has no effect without 'quantization.mode'$/],
  ])('%j is refused', (settings, expected) => {
    expect(problemOf(settings as Readonly<Record<string, string>>)).toMatch(expected);
  });
});

describe('parameters of a configuration', () => {
  it('are read by their prefix, what became of them left out', () => {
    const config = aConfig({
      parameters: {
        'quantization.mode': { string_value: 'fp16' },
        'quantization.report.mode': { string_value: 'fp16' },
        'image.mean': { string_value: '0' },
      },
    });
    expect(readQuantization(config)).toMatchObject({ spec: { mode: 'fp16' }, problems: [] });
  });

  it('are located where they stand', () => {
    const config = aConfig({ parameters: { 'quantization.mode': { string_value: 'fp17' } } });
    expect(readQuantization(config).problems).toMatchObject([
      {
        severity: 'error',
        path: ['parameters', 'quantization.mode', 'string_value'],
        message: expect.stringMatching(/^parameter 'quantization.mode' must be one of .*did you mean 'fp16'/),
      },
    ]);
  });
});
