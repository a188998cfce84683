import { describe, expect, it } from 'vitest';
import { checkParameters } from '#naiad/model-config/parameters.js';
import { parseConfig } from '#naiad/model-config/parse.js';
import { toFindings } from '#naiad/model-config/problem.js';
import { validateConfig } from '#naiad/model-config/validate.js';
import { problemLines } from './builders.js';

function validate(text: string, max = 8): string[] {
  const { config, findings } = parseConfig('pbtxt', `name: "m" max_batch_size: ${max} ${text}`, 'c');
  expect(findings).toEqual([]);
  return problemLines(validateConfig(config));
}

const batching = (text: string): string => `dynamic_batching { ${text} }`;

describe('validation before the model is loaded', () => {
  it.each([
    '',
    'default_model_filename: "a/..b.onnx"',
    batching('preferred_batch_size: [ 8, 1 ]'),
    batching('priority_levels: 2 default_priority_level: 2 priority_queue_policy { key: 1 value: { } }'),
    batching('preserve_ordering: true priority_levels: 1 default_priority_level: 1'),
    batching('preserve_ordering: true default_queue_policy { timeout_action: DELAY }'),
    batching('default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 9 }'),
    'response_cache { enable: true }',
    'instance_group { count: 0 }',
  ])('finds nothing in %j', (text) => {
    expect(validate(text)).toEqual([]);
  });

  const delay = "Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for m";
  it.each([
    [
      batching('preferred_batch_size: [ 4, 0 ]'),
      'preferred_batch_size.1',
      'dynamic batching preferred size must be positive for m',
    ],
    [
      batching('preferred_batch_size: 9'),
      'preferred_batch_size.0',
      'dynamic batching preferred size must be <= max batch size for m',
    ],
    [
      batching('priority_levels: 2'),
      'default_priority_level',
      'default priority level must be in range [1, 2] for m',
    ],
    [
      batching('priority_levels: 2 default_priority_level: 3'),
      'default_priority_level',
      'default priority level must be in range [1, 2] for m',
    ],
    [
      batching('priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 5 value: { } }'),
      'priority_queue_policy.5',
      'priority queue policy must have priority level in range [1, 2] for m',
    ],
    [
      batching('priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 0 value: { } }'),
      'priority_queue_policy.0',
      'priority queue policy must have priority level in range [1, 2] for m',
    ],
    [
      batching('preserve_ordering: true priority_levels: 2 default_priority_level: 1'),
      'priority_levels',
      "Only one priority level is allowed when 'preserve_ordering' is true for m",
    ],
    [
      batching(
        'preserve_ordering: true default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 9 }',
      ),
      'default_queue_policy.timeout_action',
      delay,
    ],
    [
      batching(
        'preserve_ordering: true priority_levels: 1 default_priority_level: 1 priority_queue_policy { key: 1 value { timeout_action: DELAY default_timeout_microseconds: 9 } }',
      ),
      'priority_queue_policy.1.timeout_action',
      delay,
    ],
  ])('refuses %s', (text, path, message) => {
    expect(validate(text)).toEqual([`error dynamic_batching.${path}: ${message}`]);
  });

  it('refuses a negative batch size', () => {
    expect(validate('', -1)).toEqual([
      "error max_batch_size: 'max_batch_size' must be non-negative value for m",
    ]);
  });

  it('wants preferred sizes to fit a model without batches, too', () => {
    expect(validate(batching('preferred_batch_size: [ 2 ]'), 0)).toHaveLength(1);
    expect(validate(batching(''), 0)).toEqual([]);
  });

  it('wants an ensemble to have steps', () => {
    expect(validate('platform: "ensemble"')).toEqual([
      'error platform: ensemble scheduling must be set for ensemble m whose platform is ensemble',
    ]);
    expect(validate('platform: "ensemble" ensemble_scheduling { }')).toEqual([]);
  });

  it('refuses a cache where answers depend on more than the request', () => {
    expect(validate('response_cache { enable: true } sequence_batching { }')).toEqual([
      'error response_cache: Response Cache does not currently support model m with sequence batching scheduler. Please disable the response cache.',
    ]);
    expect(validate('response_cache { enable: true } model_transaction_policy { decoupled: true }')).toEqual([
      "error response_cache: Response Cache does not currently support model m with 'decoupled' transaction policy. Please disable the response cache.",
    ]);
  });

  it.each(['../other.onnx', 'a/../../b', '/etc/passwd', 'C:\\model.onnx', '..\\x'])(
    'keeps the model file in the version folder: %s',
    (file) => {
      expect(validate(`default_model_filename: ${JSON.stringify(file)}`)).toEqual([
        `error default_model_filename: default_model_filename '${file}' must stay in the version folder`,
      ]);
    },
  );

  it('warns about numbers that are read as defaults', () => {
    expect(validate('instance_group { count: -1 }')).toEqual([
      'warning instance_group.0.count: instance_group count -1 is negative, the default is taken',
    ]);
    expect(validate('version_policy { latest { } }')).toEqual([
      'warning version_policy.latest: version policy latest without num_versions serves one version',
    ]);
  });

  it('finds everything at once', () => {
    expect(
      validate(
        'platform: "ensemble" dynamic_batching { preferred_batch_size: [ -1, 9 ] priority_levels: 1 }',
        -1,
      ),
    ).toHaveLength(5);
  });
});

describe('instances', () => {
  it.each([
    ['instance_group { count: 2000000000 }', 0, 2_000_000_000],
    ['instance_group [ { count: 4000 }, { count: 97 } ]', 1, 4097],
    ['instance_group { kind: KIND_GPU count: 2049 gpus: [ 0, 1 ] }', 0, 4098],
  ])('%s are more than a model may have', (text, group, asked) => {
    expect(validate(text)).toEqual([
      `error instance_group.${group}.count: a model may have 4096 instances, its groups ask for ${asked}`,
    ]);
  });

  it('may be as many as the bound', () => {
    expect(validate('instance_group { count: 4096 }')).toEqual([]);
  });
});

describe('a configuration with very many mistakes', () => {
  it('has the first of them told, and counted what is left', () => {
    const many = Array.from({ length: 4000 }, (_, index) => `"quantization.x${index}": { string_value: "" }`);
    const text = `parameters: { ${many.join(', ')} }`;
    const { config, locate } = parseConfig('yaml', text, 'config.yaml');
    // One says that none of them has an effect without a mode.
    const findings = toFindings(checkParameters(config), 'config.yaml', locate);
    expect(findings).toHaveLength(101);
    expect(findings.at(-1)?.message).toBe('and 3901 more of this kind');
  });
});
