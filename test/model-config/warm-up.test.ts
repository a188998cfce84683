import { describe, expect, it } from 'vitest';
import { compileSpec } from '#naiad/model-config/compile.js';
import { readImages } from '#naiad/model-config/image-parameters.js';
import type { ModelSpec } from '#naiad/model-config/model-spec.js';
import { parseConfig } from '#naiad/model-config/parse.js';

/** Of a model with the inputs of `text` and an output. */
function compile(text: string): ModelSpec {
  const output = 'output { name: "Y" data_type: TYPE_INT32 dims: [ 4 ] }';
  const { config, findings } = parseConfig('pbtxt', `name: "m" ${output} ${text}`, 'config.pbtxt');
  expect(findings).toEqual([]);
  return compileSpec(config, { labels: new Map(), images: readImages(config).images });
}

const X = 'input { name: "X" data_type: TYPE_INT32 dims: [ 4 ] }';
const value = (data: string, dims = '4'): string =>
  `inputs { key: "X" value { data_type: TYPE_INT32 dims: [ ${dims} ] ${data} } }`;

describe('compiled warm-up samples', () => {
  it('say what each is to hold', () => {
    const { warmup } = compile(`max_batch_size: 8 ${X}
      model_warmup { name: "a" batch_size: 2 count: 3 ${value('zero_data: false')} }
      model_warmup { name: "skipped" }
      model_warmup { name: "b" batch_size: 1 ${value('random_data: true')} }
      model_warmup { batch_size: 8 ${value('input_data_file: "f"')} }`);
    const input = { name: 'X', datatype: 'INT32', dims: [4], backendDims: [4] };
    expect(warmup).toEqual([
      { name: 'a', batchSize: 2, count: 3, inputs: [{ ...input, data: { kind: 'zero' } }] },
      { name: 'b', batchSize: 1, count: 1, inputs: [{ ...input, data: { kind: 'random' } }] },
      { name: '', batchSize: 8, count: 1, inputs: [{ ...input, data: { kind: 'file', file: 'f' } }] },
    ]);
    expect(Object.isFrozen(warmup[0]?.inputs[0]?.dims)).toBe(true);
  });

  it('have the order and the names of the inputs', () => {
    const inputs = ['B', 'A'].map((name) => X.replace('"X"', `"${name}"`)).join(' ');
    const given = ['A', 'GONE', 'B'].map((name) => value('zero_data: true').replace('"X"', `"${name}"`));
    const { warmup } = compile(`${inputs} model_warmup { name: "w" batch_size: 1 ${given.join(' ')} }`);
    expect(warmup[0]?.inputs.map(({ name }) => name)).toEqual(['B', 'A']);
  });

  it.each([
    ['[ 4 ] reshape { shape: [ 2, 2 ] }', '4', [2, 2]],
    ['[ 1 ] reshape { shape: [ ] }', '1', []],
    ['[ -1, 6, -1 ] reshape { shape: [ 1, -1, 2, 3, -1 ] }', '7, 6, 5', [1, 7, 2, 3, 5]],
  ])('are reshaped as %s', (dims, given, backendDims) => {
    const input = `input { name: "X" data_type: TYPE_INT32 dims: ${dims} }`;
    const { warmup } = compile(
      `${input} model_warmup { name: "w" batch_size: 1 ${value('zero_data: true', given)} }`,
    );
    expect(warmup[0]?.inputs[0]).toMatchObject({ dims: given.split(', ').map(Number), backendDims });
  });
});

describe('warmup.auto', () => {
  const auto = (text: string, value = '1'): boolean =>
    compile(`${text} parameters { key: "warmup.auto" value { string_value: "${value}" } }`).warmupAuto;

  it('is off unless it is asked for', () => {
    expect(compile(X).warmupAuto).toBe(false);
    expect(['0', 'false'].map((value) => auto(X, value))).toEqual([false, false]);
    expect(['1', 'true', 'True'].map((value) => auto(X, value))).toEqual([true, true, true]);
  });

  it('is off where an input has no fixed size', () => {
    const open = X.replace('[ 4 ]', '[ -1 ]');
    expect(auto(open)).toBe(false);
    expect(auto(open.replace('dims:', 'optional: true dims:'))).toBe(true);
    expect(auto(open.replace('INT32 dims: [ -1 ]', 'FP32 format: FORMAT_NHWC dims: [ -1, 8, 8, 3 ]'))).toBe(
      true,
    );
  });
});
