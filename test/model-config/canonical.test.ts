import { describe, expect, it } from 'vitest';
import { canonicalConfig } from '#naiad/model-config/canonical.js';
import { type ConfigKind, parseConfig } from '#naiad/model-config/parse.js';
import { emptyConfig } from '#naiad/model-config/parsed-config.js';

function canonical(text: string, kind: ConfigKind = 'pbtxt'): string {
  const { config, findings } = parseConfig(kind, text, 'config');
  expect(findings).toEqual([]);
  return canonicalConfig(config);
}

describe('a canonical configuration', () => {
  it('is the same for the same configuration in any form, order and layout', () => {
    const text = canonical(`
      # A comment.
      name: "m" max_batch_size: 8
      input [ { name: "X" data_type: TYPE_FP32 dims: [ 3, 4 ] }, { name: "Z" dims: 1 } ]
      parameters { key: "b" value { string_value: "2" } }
      parameters { key: "a" value { string_value: "1" } }
      dynamic_batching { max_queue_delay_microseconds: 9007199254740991 }
      model_warmup { batch_size: 1 inputs { key: "X" value { zero_data: false } } }`);
    const reordered = canonical(`
      parameters: [ { key: 'a', value: { string_value: '1' } }, { value { string_value: "2" } key: "b" } ]
      dynamic_batching { preserve_ordering: false max_queue_delay_microseconds: 9007199254740991 }
      model_warmup { inputs { value { zero_data: false } key: "X" } batch_size: 1 count: 0 }
      input { dims: 3 data_type: 11 dims: 4 name: "X" } input { dims: [ 1 ] name: "Z" data_type: TYPE_INVALID }
      max_batch_size: 8, name: "m"`);
    const json = canonical(
      JSON.stringify({
        parameters: { a: { stringValue: '1' }, b: { string_value: '2' } },
        dynamicBatching: { maxQueueDelayMicroseconds: '9007199254740991', priorityLevels: 0 },
        modelWarmup: [{ inputs: { X: { zero_data: false } }, batch_size: 1 }],
        input: [
          { dims: ['3', 4], data_type: 'TYPE_FP32', name: 'X', optional: false },
          { name: 'Z', dims: [1] },
        ],
        platform: '',
        max_batch_size: 8,
        instance_group: [],
        name: 'm',
      }),
      'json',
    );
    const yaml = canonical(
      `name: m
max_batch_size: 8
input: [{ name: X, data_type: TYPE_FP32, dims: [3, 4] }, { name: Z, dims: 1 }]
dynamic_batching:
  max_queue_delay_microseconds: 9007199254740991
parameters: { b: { string_value: "2" }, a: { string_value: "1" } }
model_warmup: { batch_size: 1, inputs: { X: { zero_data: false } } }
`,
      'yaml',
    );
    expect([reordered, json, yaml]).toEqual([text, text, text]);
    expect(JSON.parse(text)).toMatchObject({ name: 'm', parameters: { a: { string_value: '1' } } });
  });

  it.each([
    ['a field', 'max_batch_size: 1', ''],
    ['a default message', 'dynamic_batching { }', ''],
    ['one choice or another', 'version_policy { latest { } }', 'version_policy { all { } }'],
    [
      'a choice at its default',
      'model_warmup { inputs { key: "X" value { zero_data: false } } }',
      'model_warmup { inputs { key: "X" value { } } }',
    ],
    [
      'the order of a list',
      'input [ { name: "A" }, { name: "B" } ]',
      'input [ { name: "B" }, { name: "A" } ]',
    ],
    ['the length of a list', 'instance_group { }', 'instance_group [ { }, { } ]'],
    ['the key of a map', 'parameters { key: "a" }', 'parameters { key: "b" }'],
    ['an entry of a map', 'parameters { key: "a" }', ''],
    [
      'a 64-bit integer',
      'dynamic_batching { max_queue_delay_microseconds: 9007199254740990 }',
      'dynamic_batching { max_queue_delay_microseconds: 9007199254740991 }',
    ],
    ['an enum', 'input { format: FORMAT_NHWC }', 'input { format: FORMAT_NCHW }'],
    [
      'NaN',
      'model_metrics { metric_control { histogram_options { buckets: nan } } }',
      'model_metrics { metric_control { histogram_options { buckets: inf } } }',
    ],
  ])('differs with %s', (_, one, other) => {
    expect(canonical(one)).not.toBe(canonical(other));
  });

  it('leaves out what is at its default', () => {
    expect(canonicalConfig(emptyConfig())).toBe('{}');
    expect(canonical('name: "" max_batch_size: 0 input { format: FORMAT_NONE }')).toBe('{"input":[{}]}');
  });

  it('takes floats as their type holds them', () => {
    const control = (value: string): string =>
      `sequence_batching { control_input { name: "S" control { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, ${value} ] } } }`;
    expect(canonical(control('0.1'))).toBe(canonical(control('0.10000000149011612')));
    expect(canonical(control('0.1'))).not.toBe(canonical(control('0.2')));
  });

  it('does not change what it is made of', () => {
    const { config } = parseConfig('pbtxt', 'parameters { key: "b" } parameters { key: "a" }', 'config');
    const before = structuredClone(config);
    canonicalConfig(config);
    expect(config).toEqual(before);
    expect(Object.keys(config.parameters)).toEqual(['b', 'a']);
  });
});
