import { describe, expect, it } from 'vitest';
import { parseConfig } from '#naiad/model-config/parse.js';
import {
  MODE_DEFAULTS,
  QUANTIZATION_MODES,
  QUANTIZATION_SETTINGS,
  readQuantization,
  readQuantizationSettings,
} from '#naiad/model-config/quantization-parameters.js';
import { codeBlocks, codeOf, readDoc, section, tableRows } from './markdown.js';

const text = readDoc('docs/quantization.md');

it('the example is right', () => {
  const { config, findings } = parseConfig('pbtxt', codeBlocks(text, '')[0] ?? '?', 'config.pbtxt');
  expect(findings).toEqual([]);
  const { spec, problems } = readQuantization(config);
  expect(problems).toEqual([]);
  expect(spec).toMatchObject({ mode: 'int8', calibration: { path: 'calibration' }, exclude: ['/head/Conv'] });
});

describe('modes', () => {
  const rows = tableRows(section(text, 'Modes'));
  const [meanings, defaults] = [
    rows.filter((row) => row.length === 4 && !isNumber(row[1])),
    rows.filter((row) => isNumber(row[1])),
  ];

  it('all have a meaning', () => {
    expect(meanings.map(([mode]) => codeOf(mode))).toEqual(QUANTIZATION_MODES);
  });

  it('have the defaults of the code', () => {
    const told = defaults.map(([mode, ...values]) => [codeOf(mode), ...values.map(Number)]);
    const known = Object.entries(MODE_DEFAULTS).map(([mode, { blockSize, minCosine, minTop1Agreement }]) => [
      mode,
      blockSize,
      minCosine,
      minTop1Agreement,
    ]);
    expect(told).toEqual(known);
  });
});

describe('settings', () => {
  const rows = tableRows(section(text, 'Settings'));

  it('are those that are known, in their order', () => {
    expect(rows.map(([name]) => codeOf(name))).toEqual([...QUANTIZATION_SETTINGS]);
  });

  it.each(rows)('%s takes the values %s', (cell, values = '', fallback = '') => {
    const setting = codeOf(cell) ?? '';
    for (const value of samplesOf(setting, values)) expect(problemsOf(setting, value), value).toEqual([]);
    const given = codeOf(fallback) ?? fallback;
    const isValue = given !== '' && !['none', 'all', 'by mode'].includes(given);
    if (isValue) expect(specOf({ [setting]: given })).toEqual(specOf({}));
  });

  it.each([
    ['percentile', '49.9', '50', '100', '100.1'],
    ['samples_max', '0', '1', '100000', '100001'],
    ['seed', '-1', '0', '4294967295', '4294967296'],
    ['min_cosine', '-0.1', '0', '1', '1.1'],
    ['min_top1_agreement', '-0.1', '0', '1', '1.1'],
  ])('%s has the bounds that are told', (setting, below, least, most, above) => {
    expect(rows.find(([name]) => codeOf(name) === setting)?.[1]).toBe(`${least} to ${most}`);
    for (const value of [least, most]) expect(problemsOf(setting, value)).toEqual([]);
    for (const value of [below, above]) expect(problemsOf(setting, value)).not.toEqual([]);
  });
});

function isNumber(cell: string | undefined): boolean {
  return /^\d+$/.test(cell ?? '');
}

/** Values that a cell tells: those in backticks, numbers, or some of the kind. */
function samplesOf(setting: string, cell: string): string[] {
  if (setting === 'mode') return [...QUANTIZATION_MODES];
  if (setting === 'calibration') return ['samples', '/data/samples', 'live:100'];
  if (cell.startsWith('names')) return ['Conv', 'Conv, /layer1/Conv'];
  const quoted = [...cell.matchAll(/`([^`]+)`/g)].map((match) => String(match[1]));
  return quoted.length > 0 ? quoted : (cell.match(/[\d.]+/g) ?? []);
}

const BASE = { mode: 'nf4', calibration: 'samples' };

function problemsOf(setting: string, value: string): readonly unknown[] {
  return readQuantizationSettings(new Map(Object.entries({ ...BASE, [setting]: value }))).problems;
}

function specOf(settings: Readonly<Record<string, string>>): unknown {
  return readQuantizationSettings(new Map(Object.entries({ ...BASE, ...settings }))).spec;
}
