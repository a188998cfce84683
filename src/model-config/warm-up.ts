import { invariant } from '../lib/invariant.js';
import { fromConfigType } from '../tensor/datatype.js';
import type { Shape } from '../tensor/shape.js';
import type { ImageSpec } from './image-spec.js';
import type { ModelConfig, ModelInputMessage, WarmupInputMessage, WarmupMessage } from './message.js';
import type { WarmupData, WarmupInput, WarmupSample } from './model-spec.js';
import { isTrue, parameterText, WARMUP_AUTO } from './own-parameters.js';

/**
 * The samples of a valid configuration. Samples without rows are skipped, and so are inputs that the
 * configuration no longer lists.
 */
export function compileWarmUp({ model_warmup, input }: ModelConfig): WarmupSample[] {
  return model_warmup.filter(isRun).map(({ name, batch_size, count, inputs }) => ({
    name,
    batchSize: batch_size,
    count: Math.max(1, count),
    inputs: input.flatMap((tensor) => {
      const given = Object.hasOwn(inputs, tensor.name) ? inputs[tensor.name] : undefined;
      return given === undefined ? [] : [compileInput(tensor, given)];
    }),
  }));
}

/** Whether a sample is for more than show: one of 0 rows is not even looked at. */
export function isRun({ batch_size }: WarmupMessage): boolean {
  return batch_size > 0;
}

function compileInput(tensor: ModelInputMessage, given: WarmupInputMessage): WarmupInput {
  const { name } = tensor;
  const datatype = fromConfigType(given.data_type);
  const data = warmUpData(given);
  invariant(datatype !== undefined && data !== null, `warm-up input '${name}' is not valid`);
  const dims = [...given.dims];
  return { name, datatype, dims, backendDims: reshaped(tensor, dims), data };
}

/** Applies `reshape`: variable dims keep their sizes, in order. */
function reshaped({ dims, reshape }: ModelInputMessage, given: readonly number[]): readonly number[] {
  if (reshape === undefined) return given;
  const variable = given.filter((_, axis) => dims[axis] === -1);
  return reshape.shape.map((dim) => (dim === -1 ? (variable.shift() ?? 1) : dim));
}

/** What an input is to hold, null when it does not say. `zero_data: false` is zeros as well, as in Triton. */
export function warmUpData({
  zero_data,
  random_data,
  input_data_file: file,
}: WarmupInputMessage): WarmupData | null {
  if (file !== undefined) return { kind: 'file', file };
  if (random_data !== undefined) return { kind: 'random' };
  return zero_data === undefined ? null : { kind: 'zero' };
}

/** Whether the configuration asks for a run of each batch size. */
export function wantsAutoWarmUp(config: ModelConfig): boolean {
  return isTrue(parameterText(config, WARMUP_AUTO) ?? '');
}

/** The shape in which an automatic warm-up runs an input; null when nothing tells its size. */
export function autoWarmUpDims(dims: Shape, image: ImageSpec | null): Shape | null {
  if (!dims.includes(-1)) return dims;
  // Of an input that takes pictures only their number may be open.
  return image === null ? null : dims.map((dim) => (dim === -1 ? 1 : dim));
}
