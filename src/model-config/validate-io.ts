import type { InstanceGroupMessage, ModelConfig, ModelInputMessage, ModelOutputMessage } from './message.js';
import { errorAt, type FieldPath, type Problem } from './problem.js';
import { validateWarmUp } from './validate-warm-up.js';

/**
 * Inputs, outputs, instance groups and warm-up samples of a completed, normalised configuration, taken by
 * themselves. Texts are Triton's where it has one.
 */
export function validateTensors(config: ModelConfig, gpuAvailable: boolean): Problem[] {
  const found = [...validateIo(config), ...validateGroups(config, gpuAvailable)];
  // What an input should be is not known while the inputs are wrong.
  return found.some(({ path }) => path[0] !== 'instance_group')
    ? found
    : [...found, ...validateWarmUp(config)];
}

function validateIo(config: ModelConfig): Problem[] {
  const { name, input, output } = config;
  return [
    ...(input.length === 0 ? [errorAt([], `must specify at least one 'input' for ${name}`)] : []),
    ...(output.length === 0 ? [errorAt([], `must specify at least one 'output' for ${name}`)] : []),
    ...input.flatMap((tensor, index) => [
      ...validateTensor(tensor, ['input', index], 'input', name),
      ...validateFormat(tensor, ['input', index], config),
    ]),
    ...output.flatMap((tensor, index) => validateTensor(tensor, ['output', index], 'output', name)),
  ];
}

/** Inputs and outputs that are given twice, which Triton overlooks or finds by their number. */
export function validateUnique({ name, input, output }: ModelConfig): Problem[] {
  return [...duplicates(input, 'input', name), ...duplicates(output, 'output', name)];
}

function validateGroups({ name, instance_group }: ModelConfig, gpuAvailable: boolean): Problem[] {
  return instance_group.flatMap((group, index) => validateGroup(group, index, name, gpuAvailable));
}

type TensorMessage = ModelInputMessage | ModelOutputMessage;

function validateTensor(tensor: TensorMessage, path: FieldPath, direction: string, model: string): Problem[] {
  if (tensor.name === '') return [errorAt(path, `model ${direction} must specify 'name' for ${model}`)];
  const found: Problem[] = [];
  const refuse = (given: boolean, field: string, message: string): void => {
    if (!given) return;
    found.push(errorAt([...path, field], `model ${direction} '${tensor.name}' ${message} for ${model}`));
  };
  const { dims, reshape } = tensor;
  refuse(tensor.data_type === 'TYPE_INVALID', 'data_type', "must specify 'data_type'");
  refuse(dims.length === 0, 'dims', "must specify 'dims'");
  refuse(!dims.every(isDim), 'dims', `dimension ${DIM_RULE}`);
  if (reshape === undefined) return found;
  refuse(!reshape.shape.every(isDim), 'reshape', `reshape dimensions ${DIM_RULE}`);
  const problem = found.length === 0 ? reshapeProblem(dims, reshape.shape) : null;
  refuse(problem !== null, 'reshape', problem ?? '');
  return found;
}

const DIM_RULE = 'must be integer >= 1, or -1 to indicate a variable-size dimension';

function isDim(dim: number): boolean {
  return dim >= 1 || dim === -1;
}

/** Between the variable dims both shapes must hold the same number of elements. */
function reshapeProblem(dims: readonly number[], shape: readonly number[]): string | null {
  const [chunks, wanted] = [chunkSizes(dims), chunkSizes(shape)];
  if (chunks.length !== wanted.length && chunks.length > 1 && wanted.length > 1) {
    return 'has different number of variable-size dimensions for dims and reshape';
  }
  return chunks.length === wanted.length && chunks.every((size, index) => size === wanted[index])
    ? null
    : 'has different size for dims and reshape';
}

function chunkSizes(shape: readonly number[]): number[] {
  const sizes = [1];
  for (const dim of shape) {
    if (dim === -1) sizes.push(1);
    else sizes.push((sizes.pop() ?? 1) * dim);
  }
  return sizes;
}

/** Pictures have three dims; Triton knows no batch dimension written by hand here, pictures do. */
function validateFormat(
  { name, format, dims }: ModelInputMessage,
  path: FieldPath,
  { name: model, max_batch_size: max }: ModelConfig,
): Problem[] {
  if (format === 'FORMAT_NONE' || dims.length === 3 || (dims.length === 4 && max === 0)) return [];
  return [errorAt([...path, 'format'], `model input '${name}' NHWC/NCHW require 3 dims for ${model}`)];
}

function duplicates(tensors: readonly TensorMessage[], direction: string, model: string): Problem[] {
  const seen = new Set<string>();
  return tensors.flatMap(({ name }, index) => {
    const isFirst = name === '' || !seen.has(name);
    seen.add(name);
    if (isFirst) return [];
    return [errorAt([direction, index, 'name'], `model ${direction} '${name}' is given twice for ${model}`)];
  });
}

function validateGroup(
  { name, kind, gpus }: InstanceGroupMessage,
  index: number,
  model: string,
  gpuAvailable: boolean,
): Problem[] {
  const refuse = (field: string, what: string): Problem[] => [
    errorAt(
      ['instance_group', index, field],
      `instance group ${name} of model ${model} has kind ${kind} but ${what}`,
    ),
  ];
  if (kind === 'KIND_GPU') return gpuAvailable ? [] : refuse('kind', 'no GPUs are available');
  return gpus.length > 0 ? refuse('gpus', 'specifies one or more GPUs') : [];
}
