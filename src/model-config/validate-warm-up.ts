import { inputErrors, requestPrefix } from '../errors/catalogue.js';
import { LIMITS } from '../settings/limits.js';
import { BYTE_SIZES, fromConfigType } from '../tensor/datatype.js';
import { elementCount, formatShape, shapeMatches } from '../tensor/shape.js';
import { readImages } from './image-parameters.js';
import type { ModelConfig, ModelInputMessage, WarmupInputMessage, WarmupMessage } from './message.js';
import { WARMUP_AUTO } from './own-parameters.js';
import { errorAt, type FieldPath, type Problem, warningAt } from './problem.js';
import { autoWarmUpDims, isRun, wantsAutoWarmUp, warmUpData } from './warm-up.js';
import { warmUpErrors } from './warm-up-errors.js';

/**
 * Warm-up samples of a completed configuration whose inputs are right in themselves, held against what a
 * request is held against, in the same words: warm-up runs look like requests to a model. Data files are
 * read when the model is loaded.
 */
export function validateWarmUp(config: ModelConfig): Problem[] {
  return [
    ...config.model_warmup.flatMap((sample, index) =>
      isRun(sample) ? validateSample(config, sample, ['model_warmup', index]) : [],
    ),
    ...validateAuto(config),
  ];
}

const PREFIX = requestPrefix('');

function validateSample(config: ModelConfig, sample: WarmupMessage, path: FieldPath): Problem[] {
  const { name: model, max_batch_size: max } = config;
  const { name, batch_size: rows, count } = sample;
  const { warmUpBytesMax, warmUpRunsMax } = LIMITS;
  const found: Problem[] = [];
  const refuse = (given: boolean, field: FieldPath, error: () => Error): void => {
    if (given) found.push(errorAt([...path, ...field], error().message));
  };
  refuse(rows > Math.max(1, max), ['batch_size'], () => warmUpErrors.batchTooLarge(name, model, rows, max));
  refuse(count > warmUpRunsMax, ['count'], () => warmUpErrors.tooManyRuns(name, count, warmUpRunsMax));
  found.push(...validateNames(config, sample, path));
  let bytes = 0;
  for (const input of config.input) {
    const given = Object.hasOwn(sample.inputs, input.name) ? sample.inputs[input.name] : undefined;
    if (given === undefined) continue;
    found.push(...validateInput(config, input, given, [...path, 'inputs', input.name]));
    bytes += rows * bytesOf(given);
  }
  refuse(found.length === 0 && bytes > warmUpBytesMax, [], () =>
    warmUpErrors.tooLarge(name, bytes, warmUpBytesMax),
  );
  return found;
}

function validateNames(
  { name: model, input }: ModelConfig,
  { inputs }: WarmupMessage,
  path: FieldPath,
): Problem[] {
  const names = input.map(({ name }) => name);
  const given = Object.keys(inputs);
  const got = given.filter((name) => names.includes(name));
  const required = input.filter(({ optional }) => !optional).map(({ name }) => name);
  const missing = required.filter((name) => !got.includes(name));
  if (missing.length > 0) {
    const { message } = inputErrors.count(PREFIX, model, required.length, names.length, got, missing);
    return [errorAt([...path, 'inputs'], message)];
  }
  return given
    .filter((name) => !names.includes(name))
    .map((name) => errorAt([...path, 'inputs', name], inputErrors.unknown(model, name).message));
}

function validateInput(
  { name: model, max_batch_size: max }: ModelConfig,
  { name, data_type, dims }: ModelInputMessage,
  given: WarmupInputMessage,
  path: FieldPath,
): Problem[] {
  const found: Problem[] = [];
  const refuse = (isWrong: boolean, field: FieldPath, error: () => Error): void => {
    if (isWrong) found.push(errorAt([...path, ...field], error().message));
  };
  const batching = max > 0;
  const isOpen = given.dims.some((dim) => dim < 0);
  refuse(isOpen, ['dims'], () => warmUpErrors.unspecifiedDim(name));
  refuse(warmUpData(given) === null, [], () => warmUpErrors.noData(name));
  refuse(given.data_type !== data_type, ['data_type'], () =>
    inputErrors.datatype(PREFIX, model, name, typeName(given.data_type), typeName(data_type)),
  );
  refuse(!isOpen && !shapeMatches(dims, given.dims), ['dims'], () => {
    const [expected, got] = batching
      ? [
          [-1, ...dims],
          [1, ...given.dims],
        ]
      : [dims, given.dims];
    return inputErrors.shape(PREFIX, model, name, formatShape(expected), formatShape(got), batching);
  });
  const { bytesElementsMax } = LIMITS;
  refuse(given.data_type === 'TYPE_STRING' && elementCount(given.dims) > bytesElementsMax, ['dims'], () =>
    inputErrors.bytesTooMany(PREFIX, model, name, bytesElementsMax),
  );
  return found;
}

function typeName(configType: string): string {
  return fromConfigType(configType) ?? '<invalid>';
}

/** Of one row; of strings what is known without their file: their lengths. */
function bytesOf({ data_type, dims }: WarmupInputMessage): number {
  const datatype = fromConfigType(data_type);
  return datatype === undefined ? 0 : elementCount(dims) * (BYTE_SIZES[datatype] || 4);
}

/** An automatic warm-up makes up its data, for which it must know their size. */
function validateAuto(config: ModelConfig): Problem[] {
  if (!wantsAutoWarmUp(config)) return [];
  const { images } = readImages(config);
  return config.input
    .filter(
      ({ name, dims, optional }) => !optional && autoWarmUpDims(dims, images.get(name) ?? null) === null,
    )
    .map(({ name, dims }) =>
      warningAt(
        ['parameters', WARMUP_AUTO, 'string_value'],
        `parameter '${WARMUP_AUTO}' has no effect: input '${name}' has variable dims ${formatShape(dims)}; give samples with fixed dims in 'model_warmup'`,
      ),
    );
}
