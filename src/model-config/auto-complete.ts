import { toConfigType } from '../tensor/datatype.js';
import type { Shape } from '../tensor/shape.js';
import type { ModelDescription, TensorDescription } from './description.js';
import type {
  DynamicBatchingMessage,
  ModelConfig,
  ModelInputMessage,
  ModelOutputMessage,
} from './message.js';
import { errorAt, type Problem } from './problem.js';

/** Triton's `default-max-batch-size`. */
export const DEFAULT_MAX_BATCH_SIZE = 4;

export interface AutoCompleted {
  readonly config: ModelConfig;
  readonly problems: readonly Problem[];
}

/**
 * Fills in what a configuration leaves open from what the model says of itself, by the rules of Triton's
 * ONNX Runtime backend: inputs and outputs, and with them the largest batch and dynamic batching. Inputs
 * and outputs that are given keep what they have and get what they lack, found by name. A configuration
 * with all types and dims is left as it is.
 */
export function autoComplete(config: ModelConfig, description: ModelDescription): AutoCompleted {
  if (isComplete(config)) return { config, problems: [] };
  const tensors = [...description.inputs, ...description.outputs];
  const supportsBatching = tensors.every(({ shape }) => shape[0] === -1);
  if (config.max_batch_size > 0 && !supportsBatching) {
    return { config, problems: [errorAt(['max_batch_size'], noBatching(config.name))] };
  }
  const batching = supportsBatching && !hasFullDims(config, description);
  const batched = completeBatching(config, batching);
  const batchDims = batched.max_batch_size > 0 ? 1 : 0;
  return {
    config: {
      ...batched,
      input: completeInputs(batched.input, description.inputs, batchDims),
      output: completeOutputs(batched.output, description.outputs, batchDims),
    },
    problems: [],
  };
}

function isComplete({ input, output }: ModelConfig): boolean {
  return input.length > 0 && output.length > 0 && [...input, ...output].every(isTensorComplete);
}

function isTensorComplete({ data_type, dims }: ModelInputMessage | ModelOutputMessage): boolean {
  return data_type !== 'TYPE_INVALID' && dims.length > 0;
}

/** Dims that already count the batch dimension say that the server is not to add one. */
function hasFullDims(config: ModelConfig, { inputs, outputs }: ModelDescription): boolean {
  const isFull =
    (described: readonly TensorDescription[]) =>
    ({ name, dims, reshape }: ModelInputMessage | ModelOutputMessage): boolean => {
      const tensor = described.find((candidate) => candidate.name === name);
      return (
        tensor !== undefined && dims.length > 0 && (reshape?.shape ?? dims).length === tensor.shape.length
      );
    };
  if (config.max_batch_size > 0) return false;
  return config.input.some(isFull(inputs)) || config.output.some(isFull(outputs));
}

const DEFAULT_BATCHING: DynamicBatchingMessage = {
  preferred_batch_size: [],
  max_queue_delay_microseconds: 0,
  preserve_ordering: false,
  priority_levels: 0,
  default_priority_level: 0,
  priority_queue_policy: {},
};

function completeBatching(config: ModelConfig, batching: boolean): ModelConfig {
  if (!batching) return config;
  const max = config.max_batch_size || DEFAULT_MAX_BATCH_SIZE;
  const scheduled = [config.dynamic_batching, config.sequence_batching, config.ensemble_scheduling];
  return {
    ...config,
    max_batch_size: max,
    ...(max > 1 && scheduled.every((choice) => choice === undefined)
      ? { dynamic_batching: { ...DEFAULT_BATCHING } }
      : {}),
  };
}

function completeInputs(
  given: readonly ModelInputMessage[],
  described: readonly TensorDescription[],
  batchDims: number,
): ModelInputMessage[] {
  // A model runs with all its inputs or not at all, so a sketchy list stands for all of them.
  const adds = given.length === 0 || !given.every(isTensorComplete);
  const missing = described.filter(({ name }) => adds && !given.some((input) => input.name === name));
  return [...given, ...missing.map(({ name }) => ({ ...EMPTY_INPUT, name }))].map((input) =>
    completeTensor(input, described, batchDims),
  );
}

/** A model may be served with some of its outputs, so a list that is given stays as long as it is. */
function completeOutputs(
  given: readonly ModelOutputMessage[],
  described: readonly TensorDescription[],
  batchDims: number,
): ModelOutputMessage[] {
  const outputs = given.length > 0 ? given : described.map(({ name }) => ({ ...EMPTY_OUTPUT, name }));
  return outputs.map((output) => completeTensor(output, described, batchDims));
}

function completeTensor<T extends ModelInputMessage | ModelOutputMessage>(
  tensor: T,
  described: readonly TensorDescription[],
  batchDims: number,
): T {
  const found = described.find(({ name }) => name === tensor.name);
  if (found === undefined) return tensor;
  const data_type =
    tensor.data_type === 'TYPE_INVALID' && found.datatype !== null
      ? toConfigType(found.datatype)
      : tensor.data_type;
  const hasDims = tensor.dims.length > 0 || tensor.reshape !== undefined;
  return { ...tensor, data_type, ...(hasDims ? {} : dimsOf(found.shape.slice(batchDims))) };
}

/** A configuration has no empty dims: scalars are one element, reshaped. */
function dimsOf(shape: Shape): { dims: number[]; reshape?: { shape: number[] } } {
  return shape.length > 0 ? { dims: [...shape] } : { dims: [1], reshape: { shape: [] } };
}

const EMPTY_INPUT: ModelInputMessage = {
  name: '',
  data_type: 'TYPE_INVALID',
  format: 'FORMAT_NONE',
  dims: [],
  is_shape_tensor: false,
  allow_ragged_batch: false,
  optional: false,
  is_non_linear_format_io: false,
};

const EMPTY_OUTPUT: ModelOutputMessage = {
  name: '',
  data_type: 'TYPE_INVALID',
  dims: [],
  label_filename: '',
  is_shape_tensor: false,
  is_non_linear_format_io: false,
};

function noBatching(model: string): string {
  return `autofill failed for model '${model}': model does not support batching while non-zero max_batch_size is specified`;
}
