import { toConfigType } from '../tensor/datatype.js';
import { formatShape, type Shape } from '../tensor/shape.js';
import type { ModelDescription, TensorDescription } from './description.js';
import type { ModelConfig, ModelInputMessage, ModelOutputMessage } from './message.js';
import { errorAt, type FieldPath, type Problem, warningAt } from './problem.js';

/**
 * Where a completed configuration contradicts the model that is to be served with it, in the words of
 * Triton's ONNX Runtime backend. The configuration may leave outputs out, inputs not.
 */
export function validateAgainstModel(config: ModelConfig, description: ModelDescription): Problem[] {
  return [
    ...validateInputCount(config, description),
    ...config.input.flatMap((input, index) =>
      isReachable(input, description)
        ? validateTensor(config, input, ['input', index], description.inputs, 'input')
        : [],
    ),
    ...config.output.flatMap((output, index) =>
      validateTensor(config, output, ['output', index], description.outputs, 'output'),
    ),
  ];
}

/**
 * Leaves out optional inputs that the model does not list: these have a default value in the model, which
 * ONNX Runtime's Node binding never overrides. Requests that carry one are refused then, not misread.
 */
export function dropUnreachable(
  config: ModelConfig,
  description: ModelDescription,
): { readonly config: ModelConfig; readonly problems: readonly Problem[] } {
  const problems = config.input.flatMap((input, index) =>
    isReachable(input, description)
      ? []
      : [
          warningAt(
            ['input', index],
            `optional input '${input.name}' is left out: the model lists no such input, or keeps a default value that can't be overridden`,
          ),
        ],
  );
  if (problems.length === 0) return { config, problems };
  const input = config.input.filter((candidate) => isReachable(candidate, description));
  return { config: { ...config, input }, problems };
}

function isReachable({ name, optional }: ModelInputMessage, { inputs }: ModelDescription): boolean {
  return !optional || inputs.some((input) => input.name === name);
}

function validateInputCount({ name: model, input }: ModelConfig, { inputs }: ModelDescription): Problem[] {
  const required = input.filter(({ optional }) => !optional).length;
  if (required === inputs.length) return [];
  const text = `unable to load model '${model}', configuration expects ${required} inputs, model provides ${inputs.length}`;
  const reasons = inputs.flatMap(({ name }) => {
    const index = input.findIndex((candidate) => candidate.name === name);
    if (index < 0) return [errorAt(['input'], `input '${name}' of the model is missing`)];
    if (input[index]?.optional !== true) return [];
    return [errorAt(['input', index, 'optional'], `input '${name}' is optional, but the model requires it`)];
  });
  return [errorAt(['input'], text), ...reasons];
}

type TensorMessage = ModelInputMessage | ModelOutputMessage;

function validateTensor(
  config: ModelConfig,
  tensor: TensorMessage,
  path: FieldPath,
  described: readonly TensorDescription[],
  direction: 'input' | 'output',
): Problem[] {
  const found = described.find(({ name }) => name === tensor.name);
  if (found === undefined) {
    if (tensor.name === '') return [];
    const names = described.map(({ name }) => name).sort();
    return [
      errorAt(
        [...path, 'name'],
        `unexpected inference ${direction} '${tensor.name}', allowed ${direction}s are: ${names.join(', ')}`,
      ),
    ];
  }
  return [
    ...validateDatatype(config.name, tensor, path, found, direction),
    ...validateShape(config, tensor, path, found),
  ];
}

function validateDatatype(
  model: string,
  { name, data_type }: TensorMessage,
  path: FieldPath,
  { datatype, nativeType }: TensorDescription,
  direction: string,
): Problem[] {
  if (datatype === null) {
    return [
      errorAt(
        path,
        `unable to load model '${model}', unsupported datatype '${nativeType}' of ${direction} '${name}'`,
      ),
    ];
  }
  const provided = toConfigType(datatype);
  if (data_type === provided || data_type === 'TYPE_INVALID') return [];
  return [
    errorAt(
      [...path, 'data_type'],
      `unable to load model '${model}', configuration expects datatype ${data_type} for ${direction} '${name}', model provides ${provided}`,
    ),
  ];
}

function validateShape(
  { name: model, max_batch_size: max }: ModelConfig,
  { name, dims, reshape }: TensorMessage,
  path: FieldPath,
  { shape, datatype }: TensorDescription,
): Problem[] {
  if (dims.length === 0 || datatype === null) return [];
  const where = `model '${model}', tensor '${name}': `;
  const batching = max > 0;
  if (batching && shape[0] !== -1) {
    return [
      errorAt(
        [...path, 'dims'],
        `${where}for the model to support batching the shape should have at least 1 dimension and the first dimension must be -1; but shape expected by the model is ${formatShape(shape)}`,
      ),
    ];
  }
  const configured = [...(batching ? [-1] : []), ...(reshape?.shape ?? dims)];
  if (isCompatible(shape, configured)) return [];
  const making = batching
    ? `an initial batch dimension because max_batch_size > 0 followed by the explicit tensor shape, making complete shape ${formatShape(configured)}`
    : `shape ${formatShape(configured)}`;
  return [
    errorAt(
      [...path, reshape === undefined ? 'dims' : 'reshape'],
      `${where}the model expects ${shape.length} dimensions (shape ${formatShape(shape)}) but the model configuration specifies ${configured.length} dimensions (${making})`,
    ),
  ];
}

/** Whether some tensor fits both; a dim of any size on either side fits. */
function isCompatible(shape: Shape, configured: Shape): boolean {
  return (
    shape.length === configured.length &&
    shape.every((dim, axis) => dim === -1 || configured[axis] === -1 || dim === configured[axis])
  );
}
