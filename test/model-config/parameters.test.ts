import { describe, expect, it } from 'vitest';
import { checkParameters, isSessionParameter } from '#naiad/model-config/parameters.js';
import { aConfig, parameters, problemLines } from './builders.js';

function check(backend: string, key: string, value: string): string[] {
  return problemLines(checkParameters(aConfig({ backend, parameters: parameters({ [key]: value }) })));
}

describe('parameters', () => {
  it.each([
    ['onnxruntime', 'intra_op_thread_count', '4'],
    ['onnxruntime', 'inter_op_thread_count', ' 0 '],
    ['onnxruntime', 'execution_mode', '1'],
    ['onnxruntime', 'enable_mem_arena', 'true'],
    ['onnxruntime', 'session.intra_op.allow_spinning', '0'],
    ['onnxruntime', 'session.set_denormal_as_zero', '1'],
    ['onnxruntime', 'session.intra_op.allow_spining', '1'],
    ['onnxruntime', 'my_own', 'anything'],
    ['onnxruntime', 'execute_delay_ms', 'what?'],
    ['onnxruntime', 'constructor', ''],
    ['identity', 'execute_delay_ms', '10'],
    ['identity', 'fault', 'exit'],
    ['identity', 'intra_op_thread_count', 'no thread'],
    ['onnxruntime', 'image.resize', 'checked elsewhere'],
    ['onnxruntime', 'warmup.auto', ' True '],
    ['identity', 'warmup.auto', '0'],
    ['identity', 'reload.policy', 'memory-preserving'],
    ['onnxruntime', 'reload.policy', 'availability-preserving'],
  ])('of %s may have %s = %j', (backend, key, value) => {
    expect(check(backend, key, value)).toEqual([]);
  });

  it.each([
    ['onnxruntime', 'intra_op_thread_count', 'many', 'a whole number from 0 to 1024'],
    ['onnxruntime', 'intra_op_thread_count', '-1', 'a whole number from 0 to 1024'],
    ['onnxruntime', 'inter_op_thread_count', '1025', 'a whole number from 0 to 1024'],
    ['onnxruntime', 'execution_mode', '2', 'one of 0, 1'],
    ['onnxruntime', 'enable_mem_pattern', 'yes', '0 or 1'],
    ['onnxruntime', 'session.intra_op.allow_spinning', 'true', 'one of 0, 1'],
    ['identity', 'execute_delay_ms', '1.5', 'a whole number from 0 to 3600000'],
    ['identity', 'fault', 'crash', 'one of error, exit'],
    ['identity', 'warmup.auto', 'yes', '0 or 1'],
    ['onnxruntime', 'reload.policy', 'memory', 'one of availability-preserving, memory-preserving'],
  ])('of %s refuse %s = %j', (backend, key, value, expected) => {
    expect(check(backend, key, value)).toEqual([
      expect.stringMatching(
        `^error parameters.${key}.string_value: .*parameter '${key}' must be ${expected}`,
      ),
    ]);
    expect(check(backend, key, value)[0]).toContain(`, got '${value}'`);
  });

  it.each([
    ['intra_op_thread_count', 'many', "failed to convert 'many' to integral number: "],
    ['intra_op_thread_count', '', "failed to convert '' to integral number: "],
    ['intra_op_thread_count', '-1', ''],
    ['enable_mem_arena', 'yes', "failed to convert 'yes' to boolean: "],
    ['execution_mode', '2', ''],
    ['warmup.auto', 'yes', ''],
  ])("are refused in Triton's words first: %s = %j", (key, value, words) => {
    expect(check('onnxruntime', key, value)).toEqual([
      expect.stringContaining(`string_value: ${words}parameter '${key}' must be `),
    ]);
  });

  it.each([
    ['intra_op_thread_cout', 'intra_op_thread_count'],
    ['images.mean', 'image.mean'],
    ['enable-mem-arena', 'enable_mem_arena'],
    ['warm_up.auto', 'warmup.auto'],
    ['reload_policy', 'reload.policy'],
    ['quantisation.mode', 'quantization.mode'],
    ['quantization_min_cosine', 'quantization.min_cosine'],
  ])('warn about %s, which looks like %s', (key, known) => {
    expect(check('onnxruntime', key, '1')).toEqual([
      `warning parameters.${key}.string_value: unknown parameter '${key}' is left to the backend, did you mean '${known}'?`,
    ]);
  });

  it.each([
    ['warmup.atuo', ", did you mean 'warmup.auto'?"],
    ['reload.polcy', ", did you mean 'reload.policy'?"],
    ['warmup.rows_per_run', '; known ones: warmup.auto, reload.policy'],
  ])('warn about %s, which nobody else can know', (key, suggestion) => {
    for (const backend of ['onnxruntime', 'identity', '']) {
      expect(check(backend, key, '1')).toEqual([
        `warning parameters.${key}.string_value: unknown parameter '${key}' is ignored${suggestion}`,
      ]);
    }
  });

  it('warn about what has no effect here', () => {
    expect(check('onnxruntime', 'gpu_mem_limit', '1')).toEqual([
      "warning parameters.gpu_mem_limit.string_value: parameter 'gpu_mem_limit' has no effect here and is ignored",
    ]);
  });
});

it.each([
  ['image.mean', false],
  ['image.left.mean', false],
  ['warmup.auto', false],
  ['warmup.atuo', false],
  ['reload.policy', false],
  ['intra_op_thread_count', true],
  ['session.intra_op.allow_spinning', true],
  ['quantization.mode', true],
  ['execute_delay_ms', true],
  ['images', true],
  ['my_own', true],
])('%s reaches a session: %s', (key, reaches) => {
  expect(isSessionParameter(key)).toBe(reaches);
});
