import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '#naiad/model-config/message.js';
import { aGeneration, type Parts } from './generations.js';

type Output = ModelConfig['output'][number];
type WarmUp = ModelConfig['model_warmup'][number];

const output = (label_filename: string): Output => ({
  name: 'OUT',
  data_type: 'TYPE_FP32',
  dims: [1],
  label_filename,
  is_shape_tensor: false,
  is_non_linear_format_io: false,
});

const warmUp = (input_data_file: string): WarmUp => ({
  name: 'w',
  batch_size: 1,
  count: 1,
  inputs: { IN: { data_type: 'TYPE_FP32', dims: [1], input_data_file } },
});

const BASE: Parts = {
  versions: { 1: 'a', 3: 'c' },
  files: { 'config.pbtxt': 'h1', 'labels.txt': 'h2', 'warmup/data': 'h3', 'README.md': 'h4' },
  config: { max_batch_size: 8, output: [output('labels.txt')], model_warmup: [warmUp('data')] },
  directory: '/cache/m',
  immutable: true,
};

const fingerprints = (parts: Partial<Parts>): string[] =>
  aGeneration({ ...BASE, ...parts }).versions.map(({ fingerprint }) => fingerprint);

/** Which of the versions 1 and 3 are others than in the base. */
function changed(parts: Partial<Parts>): string {
  const before = fingerprints({});
  return fingerprints(parts)
    .flatMap((fingerprint, index) => (fingerprint === before[index] ? [] : [[1, 3][index]]))
    .join(' ');
}

describe('the fingerprint of a version', () => {
  it.each<[string, Partial<Parts>, string]>([
    ['nothing', {}, ''],
    ['content of one version', { versions: { 1: 'a', 3: 'other' } }, '3'],
    ['the configuration', { config: { ...BASE.config, max_batch_size: 4 } }, '1 3'],
    ['another output', { config: { ...BASE.config, output: [] } }, '1 3'],
    ['the text of the configuration only', { files: { ...BASE.files, 'config.pbtxt': 'other' } }, ''],
    ['labels', { files: { ...BASE.files, 'labels.txt': 'other' } }, '1 3'],
    ['warm-up data', { files: { ...BASE.files, 'warmup/data': 'other' } }, '1 3'],
    ['a file that nobody names', { files: { ...BASE.files, 'README.md': 'other' } }, ''],
    ['a label file that comes late', { files: { 'config.pbtxt': 'h1', 'warmup/data': 'h3' } }, '1 3'],
    ['where the files lie', { directory: '/elsewhere/m' }, ''],
    ['whether they can change', { immutable: false }, ''],
  ])('%s', (_, parts, expected) => {
    expect(changed(parts)).toBe(expected);
  });

  it('tells versions of equal content apart', () => {
    const [first, second] = fingerprints({ versions: { 1: 'same', 2: 'same' } });
    expect(first).not.toBe(second);
  });
});

describe('a generation', () => {
  it('has the same id for the same content', () => {
    expect(aGeneration(BASE).id).toBe(aGeneration({ ...BASE, directory: '/elsewhere/m' }).id);
    expect(aGeneration(BASE).id).not.toBe(aGeneration({ ...BASE, versions: { 1: 'a' } }).id);
    expect(aGeneration(BASE).id).not.toBe(aGeneration({ ...BASE, versions: { 1: 'a', 3: 'd' } }).id);
  });

  it('can be come back to only where nothing changes its files', () => {
    expect(aGeneration({ ...BASE, immutable: false }).archived).toBeNull();
    const { archived, id } = aGeneration(BASE);
    expect(archived).toMatchObject({
      id,
      savedMs: 1_700_000_000_000,
      versions: [
        [1, 'a'],
        [3, 'c'],
      ],
    });
    expect(new Map(archived?.hashes).get('labels.txt')).toBe('h2');
  });
});
