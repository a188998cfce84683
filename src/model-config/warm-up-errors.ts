import { requestPrefix } from '../errors/catalogue.js';
import { ServingError } from '../errors/serving-error.js';

const PREFIX = requestPrefix('');
const invalid = (text: string): ServingError => new ServingError('INVALID_ARGUMENT', text);

/**
 * Why a model could not be warmed up, which is why it is not loaded. Triton's texts where it has one; what
 * is wrong with a tensor has the text of a request that carries it.
 */
export const warmUpErrors = {
  unspecifiedDim: (input: string) =>
    invalid(`warmup setting expects all variable-size dimensions are specified for input '${input}'`),
  noData: (input: string) =>
    invalid(`${PREFIX}warmup setting expects input '${input}' to have input_data_type set`),
  batchTooLarge: (sample: string, model: string, rows: number, rowsMax: number) =>
    invalid(
      `failed to run warmup sample '${sample}': batch size ${rows} for '${model}', max allowed is ${rowsMax}; `,
    ),
  tooManyRuns: (sample: string, count: number, runsMax: number) =>
    invalid(`warmup sample '${sample}' has count ${count}, the limit is ${runsMax}`),
  tooLarge: (sample: string, bytes: number, bytesMax: number) =>
    invalid(`warmup sample '${sample}' takes ${bytes} bytes, the limit is ${bytesMax}`),
  filesTooLarge: (model: string, bytesMax: number) =>
    invalid(`the warmup data of model '${model}' have more than ${bytesMax} bytes in all`),
  file: (path: string, reason: string) =>
    new ServingError('INTERNAL', `failed to open text file for read ${path}: ${reason}`),
  /** Triton leaves out a space; clients match on the text as it is. */
  fileTooShort: (file: string, expected: number, got: number) =>
    invalid(
      `${PREFIX}warmup setting expects ${expected} bytes, but the data provided from ${file}only has ${got} bytes`,
    ),
  /** What a model answers is the sample's mistake; a thread that died may be another model's. */
  run: (sample: string, { code, message }: ServingError) =>
    new ServingError(
      code === 'UNAVAILABLE' ? code : 'INVALID_ARGUMENT',
      `failed to run warmup sample '${sample}': ${message}; `,
    ),
} as const;
