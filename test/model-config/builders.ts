import type { ModelDescription, TensorDescription } from '#naiad/model-config/description.js';
import type { ModelConfig, ModelInputMessage, ModelOutputMessage } from '#naiad/model-config/message.js';
import { emptyConfig } from '#naiad/model-config/parsed-config.js';
import type { Problem } from '#naiad/model-config/problem.js';

/** An input of a configuration, FP32[4] unless said otherwise. */
export function anInput(overrides: Partial<ModelInputMessage> = {}): ModelInputMessage {
  return {
    name: 'X',
    data_type: 'TYPE_FP32',
    format: 'FORMAT_NONE',
    dims: [4],
    is_shape_tensor: false,
    allow_ragged_batch: false,
    optional: false,
    is_non_linear_format_io: false,
    ...overrides,
  };
}

/** An output of a configuration, FP32[4] unless said otherwise. */
export function anOutput(overrides: Partial<ModelOutputMessage> = {}): ModelOutputMessage {
  return {
    name: 'Y',
    data_type: 'TYPE_FP32',
    dims: [4],
    label_filename: '',
    is_shape_tensor: false,
    is_non_linear_format_io: false,
    ...overrides,
  };
}

/** A complete configuration of model `m`, X -> Y, FP32[4], at most 8 rows. */
export function aConfig(overrides: Partial<ModelConfig> = {}): ModelConfig {
  return {
    ...emptyConfig(),
    name: 'm',
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    default_model_filename: 'model.onnx',
    max_batch_size: 8,
    input: [anInput()],
    output: [anOutput()],
    ...overrides,
  };
}

/** `parameters {}` of a configuration. */
export function parameters(values: Readonly<Record<string, string>>): ModelConfig['parameters'] {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { string_value: value }]));
}

export function aTensor(overrides: Partial<TensorDescription> = {}): TensorDescription {
  return { name: 'X', datatype: 'FP32', nativeType: 'float32', shape: [-1, 4], ...overrides };
}

/** What a model with a batch dimension says of itself: X -> Y, FP32[-1,4]. */
export function aDescription(overrides: Partial<ModelDescription> = {}): ModelDescription {
  return { inputs: [aTensor()], outputs: [aTensor({ name: 'Y' })], ...overrides };
}

/** `error input.0.dims: text`, one line per problem. */
export function problemLines(problems: readonly Problem[]): string[] {
  return problems.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
}
