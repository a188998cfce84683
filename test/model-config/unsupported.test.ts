import { describe, expect, it } from 'vitest';
import { parseConfig } from '#naiad/model-config/parse.js';
import { findUnsupported } from '#naiad/model-config/unsupported.js';
import { problemLines } from './builders.js';

function found(text: string): string[] {
  const { config, findings } = parseConfig('pbtxt', `name: "m" ${text}`, 'config.pbtxt');
  expect(findings).toEqual([]);
  return problemLines(findUnsupported(config));
}

describe('settings that are not obeyed', () => {
  it.each([
    ['sequence_batching { direct { } }', 'sequence_batching'],
    ['sequence_batching { }', 'sequence_batching'],
    ['ensemble_scheduling { }', 'ensemble_scheduling'],
    ['batch_input { kind: BATCH_ELEMENT_COUNT }', 'batch_input'],
    ['batch_output { kind: BATCH_SCATTER_WITH_INPUT_SHAPE }', 'batch_output'],
    ['input { name: "X" allow_ragged_batch: true }', 'input.0.allow_ragged_batch'],
    ['backend: "identity" input { name: "X" optional: true }', 'input.0.optional'],
    ['backend: "repeat"', 'model_transaction_policy.decoupled'],
    ['backend: "repeat" max_batch_size: 1 model_transaction_policy { decoupled: true }', 'max_batch_size'],
  ])('keep a model that needs %s from being served', (text, path) => {
    expect(found(text)).toEqual([
      expect.stringMatching(new RegExp(`^error ${path}: .* is not supported yet`)),
    ]);
  });

  it.each([
    ['response_cache { enable: true }', 'response_cache'],
    ['model_operations { op_library_filename: "a.so" }', 'model_operations'],
    ['model_repository_agents { agents { name: "checksum" } }', 'model_repository_agents'],
    ['cc_model_filenames { key: "7.0" value: "b" }', 'cc_model_filenames'],
    ['runtime: "x"', 'runtime'],
    ['input { is_shape_tensor: true }', 'input.0.is_shape_tensor'],
    ['output { is_non_linear_format_io: true }', 'output.0.is_non_linear_format_io'],
    ['optimization { priority: PRIORITY_MAX }', 'optimization.priority'],
    ['optimization { cuda { graphs: true } }', 'optimization.cuda'],
    ['optimization { gather_kernel_buffer_threshold: 1 }', 'optimization.gather_kernel_buffer_threshold'],
    ['optimization { eager_batching: true }', 'optimization.eager_batching'],
    [
      'optimization { execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }',
      'optimization.execution_accelerators.gpu_execution_accelerator.0',
    ],
    ['instance_group { kind: KIND_MODEL }', 'instance_group.0.kind'],
    ['instance_group { rate_limiter { priority: 2 } }', 'instance_group.0.rate_limiter'],
    ['instance_group { host_policy: "a" }', 'instance_group.0.host_policy'],
    ['instance_group { passive: true }', 'instance_group.0.passive'],
    ['instance_group { profile: "a" }', 'instance_group.0.profile'],
    ['instance_group { secondary_devices { device_id: 1 } }', 'instance_group.0.secondary_devices'],
  ])('are named: %s', (text, path) => {
    expect(found(text)).toEqual([
      expect.stringMatching(new RegExp(`^warning ${path}: .* is not supported yet and ignored: `)),
    ]);
  });

  it.each([
    'optimization { input_pinned_memory { enable: false } output_pinned_memory { enable: true } }',
    'optimization { execution_accelerators { } cuda { } graph { level: 1 } }',
    'model_operations { } model_repository_agents { } model_metrics { }',
    'response_cache { enable: false } model_transaction_policy { decoupled: true }',
    'instance_group { count: 2 kind: KIND_GPU gpus: [ 0 ] rate_limiter { } }',
    'dynamic_batching { preserve_ordering: true priority_levels: 1 default_priority_level: 1 }',
    'input { name: "X" dims: 4 format: FORMAT_NHWC optional: true reshape { } }',
    'metric_tags { key: "a" value: "b" }',
    'parameters { key: "x" value { string_value: "y" } }',
    'model_warmup { name: "w" batch_size: 1 }',
  ])('leave out what is obeyed or asks for nothing: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  it('refuse accelerators that nobody knows, in the words of Triton', () => {
    expect(
      found('optimization { execution_accelerators { cpu_execution_accelerator { name: "nosuch" } } }'),
    ).toEqual([
      "error optimization.execution_accelerators.cpu_execution_accelerator.0: unknown Execution Accelerator 'nosuch' is requested",
    ]);
  });
});
