import { ServingError } from './serving-error.js';

const invalid = (text: string): ServingError => new ServingError('INVALID_ARGUMENT', text);

const ONE_SOURCE =
  "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', 'shared_memory_region' in 'parameters'.";

/** What a JSON value should have been. */
export type JsonKind =
  | 'array'
  | 'boolean'
  | 'double'
  | 'object'
  | 'signed-integer'
  | 'string'
  | 'unsigned-integer';

/**
 * Inference over HTTP: what its JSON and binary data can have wrong. Part of the catalogue: Triton's texts
 * where it has one, with status 400 where Triton says 500 about its parser.
 */
export const httpInferenceErrors = {
  malformed: (reason: string) => invalid(`failed to parse the request JSON buffer: ${reason}`),
  headerLength: (value: string, bodyBytes: number) =>
    invalid(`inference header size should be in range (0, ${bodyBytes}), got: ${value}`),
  memberMissing: (member: string) =>
    invalid(`Unable to parse '${member}': attempt to access non-existing object member '${member}'`),
  memberKind: (member: string, kind: JsonKind) =>
    invalid(`Unable to parse '${member}': attempt to access JSON non-${kind} as ${kind}`),
  classificationKind: () =>
    invalid(
      "Unable to set 'classification': attempt to access JSON non-unsigned-integer as unsigned-integer",
    ),
  memberTooLong: (member: string, bytesMax: number) =>
    invalid(`Unable to parse '${member}': it has more than ${bytesMax} bytes`),
  tooMany: (what: string, max: number) => invalid(`Unable to parse '${what}': more than ${max} of them`),
  rank: (rankMax: number) => invalid(`Unable to parse 'shape': more than ${rankMax} dimensions`),
  parametersNotObject: () => invalid('failed to get request params.attempt to get members for non-object'),
  parameterKind: (key: string) =>
    invalid(`parameter '${key}' has invalid type. It should be either 'int', 'bool', or 'string'.`),
  parameterReserved: () =>
    invalid(
      "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.",
    ),
  sources: (set: readonly string[]) =>
    invalid(`${ONE_SOURCE} But set ${set.map((field) => `'${field}'`).join(' ')}`),
  noSource: () => invalid(`${ONE_SOURCE} But no field is set`),
  datatypeInvalid: (input: string) => invalid(`invalid datatype for input ${input}`),
  datatypeNotInJson: (datatype: string, input: string) =>
    invalid(
      `receiving ${datatype} data via JSON is not supported. Please use the binary data format for input ${input}`,
    ),
  elementKind: (kind: JsonKind) =>
    invalid(`Unable to parse 'data': attempt to access JSON non-${kind} as ${kind}`),
  textKind: () => invalid('Unable to parse JSON bytes array: attempt to access JSON non-string as string'),
  elementMisfit: (input: string, datatype: string, index: number, text: string) =>
    invalid(
      `Unable to parse 'data': element ${index} of input '${input}' is ${text}, which ${datatype} can't hold`,
    ),
  elementCount: () => invalid("Unable to parse 'data': Shape does not match true shape of 'data' field"),
  binaryMissing: (model: string, input: string, missing: number) =>
    invalid(
      `unexpected size for input '${input}', expecting ${missing} additional bytes for model '${model}'`,
    ),
  binarySurplus: (model: string) => invalid(`unexpected additional input data for model '${model}'`),
  outputBothSharedAnd: (other: 'classification' | 'binary_data') =>
    invalid(`Output can't set both 'shared_memory_region' and '${other}'`),
  outputNotInJson: (datatype: string) =>
    invalid(
      `sending ${datatype} data via JSON is not supported. Please use the binary data format for output`,
    ),
  outputNotText: (output: string) =>
    invalid(
      `output '${output}' holds bytes that are no UTF-8 text, which JSON can't carry. Please use the binary data format for output`,
    ),
  rawInputs: (prefix: string, model: string, inputs: number) =>
    invalid(
      `${prefix}Raw request must only have 1 input (found 1) to be deduced but got ${inputs} inputs in '${model}' model configuration`,
    ),
  rawShape: (prefix: string, input: string) =>
    invalid(
      `${prefix}The shape of the raw input '${input}' can not be deduced because there are more than one variable-sized dimension`,
    ),
  rawBytes: (prefix: string, input: string) =>
    invalid(`${prefix}For BYTE datatype raw input '${input}', the model must have input shape [1]`),
  generateNotObject: () => invalid('attempt to get members for non-object'),
  generateParameters: () =>
    invalid("Expected JSON object for keyword: 'parameters': attempt to access JSON non-object as object"),
  generateShape: (input: string) =>
    invalid(`The schema can not convert input '${input}' to tensor with proper shape`),
  generateResponses: () =>
    invalid(
      'generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses',
    ),
  jsonThreadLost: () =>
    new ServingError(
      'INTERNAL',
      'the thread that converted the JSON has failed, the request was not completed',
    ),
} as const;
