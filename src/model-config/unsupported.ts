import type { ModelConfig } from './message.js';
import { errorAt, type FieldPath, type Problem, warningAt } from './problem.js';

/**
 * Names every setting that is understood but not obeyed: a warning where answers stay right without it,
 * an error where they would not. Settings without meaning on any device here are accepted silently.
 */
export function findUnsupported(config: ModelConfig): Problem[] {
  return [
    ...findEssential(config),
    ...findModelWide(config),
    ...findOptimization(config),
    ...findInstanceGroups(config),
  ];
}

/** Without these a model would give wrong answers, or none. */
function findEssential(config: ModelConfig): Problem[] {
  const found: Problem[] = [];
  const refuse = (given: boolean, path: FieldPath, what: string): void => {
    if (given) found.push(errorAt(path, `${what} is not supported yet, model '${config.name}' needs it`));
  };
  refuse(config.sequence_batching !== undefined, ['sequence_batching'], 'sequence_batching');
  refuse(config.ensemble_scheduling !== undefined, ['ensemble_scheduling'], 'ensemble_scheduling');
  refuse(config.batch_input.length > 0, ['batch_input'], 'batch_input');
  refuse(config.batch_output.length > 0, ['batch_output'], 'batch_output');
  refuse(
    config.backend === 'repeat' && config.model_transaction_policy?.decoupled !== true,
    ['model_transaction_policy', 'decoupled'],
    'another policy than decoupled: true of the repeat backend',
  );
  refuse(
    config.backend === 'repeat' && config.max_batch_size > 0,
    ['max_batch_size'],
    'max_batch_size above 0 of the repeat backend',
  );
  config.input.forEach(({ name, allow_ragged_batch, optional }, index) => {
    // Each of its outputs repeats an input, which must be there.
    refuse(
      optional && config.backend === 'identity',
      ['input', index, 'optional'],
      `optional input '${name}' of the identity backend`,
    );
    refuse(
      allow_ragged_batch,
      ['input', index, 'allow_ragged_batch'],
      `allow_ragged_batch of input '${name}'`,
    );
  });
  return found;
}

function findModelWide(config: ModelConfig): Problem[] {
  const found: Problem[] = [];
  const ignore = ignoreInto(found);
  ignore(config.response_cache?.enable === true, ['response_cache'], 'answers are not cached');
  ignore(hasEntries(config.model_operations), ['model_operations'], 'no library of operators is loaded');
  ignore(hasEntries(config.model_repository_agents), ['model_repository_agents'], 'no agent is run');
  ignore(
    Object.keys(config.cc_model_filenames).length > 0,
    ['cc_model_filenames'],
    'every device gets default_model_filename',
  );
  ignore(config.runtime !== '', ['runtime'], 'the backend has one runtime');
  for (const direction of ['input', 'output'] as const) {
    config[direction].forEach((io, index) => {
      for (const flag of ['is_shape_tensor', 'is_non_linear_format_io'] as const) {
        ignore(io[flag], [direction, index, flag], 'it concerns TensorRT');
      }
    });
  }
  return found;
}

const ACCELERATORS = {
  gpu_execution_accelerator: ['tensorrt', 'cuda'],
  cpu_execution_accelerator: ['openvino'],
};

function findOptimization({ optimization }: ModelConfig): Problem[] {
  if (optimization === undefined) return [];
  const found: Problem[] = [];
  const ignore = ignoreInto(found);
  ignore(optimization.priority !== 'PRIORITY_DEFAULT', ['optimization', 'priority'], 'all models are equal');
  ignore(hasEntries(optimization.cuda), ['optimization', 'cuda'], 'there are no CUDA graphs');
  ignore(
    optimization.gather_kernel_buffer_threshold > 0,
    ['optimization', 'gather_kernel_buffer_threshold'],
    'inputs are gathered by the CPU',
  );
  ignore(
    optimization.eager_batching,
    ['optimization', 'eager_batching'],
    'a batch is gathered when an instance is free',
  );
  for (const [list, known] of Object.entries(ACCELERATORS)) {
    const accelerators = optimization.execution_accelerators?.[list];
    if (!Array.isArray(accelerators)) continue;
    accelerators.forEach((accelerator: { readonly name: string }, index) => {
      const path = ['optimization', 'execution_accelerators', list, index];
      if (known.includes(accelerator.name)) ignore(true, path, 'the plain execution provider is used');
      else found.push(errorAt(path, `unknown Execution Accelerator '${accelerator.name}' is requested`));
    });
  }
  return found;
}

function findInstanceGroups(config: ModelConfig): Problem[] {
  const found: Problem[] = [];
  const ignore = ignoreInto(found);
  config.instance_group.forEach((group, index) => {
    const path = ['instance_group', index];
    ignore(group.kind === 'KIND_MODEL', [...path, 'kind'], 'KIND_MODEL runs on the CPU');
    ignore(
      hasEntries(group.rate_limiter),
      [...path, 'rate_limiter'],
      'instances run as soon as they are free',
    );
    ignore(group.host_policy !== '', [...path, 'host_policy'], 'the operating system places threads');
    ignore(group.passive, [...path, 'passive'], 'the group is given requests');
    ignore(group.profile.length > 0, [...path, 'profile'], 'it concerns TensorRT');
    ignore(group.secondary_devices.length > 0, [...path, 'secondary_devices'], 'there are no such devices');
  });
  return found;
}

function ignoreInto(found: Problem[]): (given: boolean, path: FieldPath, consequence: string) => void {
  return (given, path, consequence) => {
    const field = path.filter((step) => typeof step === 'string').join('.');
    if (given) found.push(warningAt(path, `${field} is not supported yet and ignored: ${consequence}`));
  };
}

/** An empty message asks for nothing. */
function hasEntries(message: Readonly<Record<string, unknown>> | undefined): boolean {
  return Object.values(message ?? {}).some((value) => {
    if (Array.isArray(value)) return value.length > 0;
    return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
  });
}
