import { formatList } from './format.js';
import { REASONS, type Reason } from './reasons.js';
import { ServingError } from './serving-error.js';

/**
 * Every text that clients can see and match on; where Triton has a text for the case it is Triton's.
 * `prefix` is `[request id: ID] `, see {@link requestPrefix}.
 */

/** Why a version could not be loaded. */
export interface VersionFailure {
  readonly version: number;
  readonly reason: string;
}

/** Errors about a request's content carry its id in front; lookup and front end errors do not. */
export function requestPrefix(id: string): string {
  return `[request id: ${id === '' ? '<id_unknown>' : id}] `;
}

/** After which a queue or the memory of a server has moved on, milliseconds. */
const MOMENT_MS = 100;
/** After which a model may be loaded, or a worker replaced. */
const WHILE_MS = 1000;

const invalid = (text: string): ServingError => new ServingError('INVALID_ARGUMENT', text);
const unavailable = (text: string, reason: Reason, retryMs?: number): ServingError =>
  new ServingError('UNAVAILABLE', text, { reason, ...(retryMs !== undefined && { retryMs }) });
const internal = (text: string): ServingError => new ServingError('INTERNAL', text);
const refused = (text: string): ServingError => new ServingError('INTERNAL', text, { refusal: true });
const notFound = (text: string): ServingError => new ServingError('NOT_FOUND', text);

export const modelErrors = {
  unknown: (model: string) => notFound(`Request for unknown model: '${model}' is not found`),
  nameWithNul: (model: string) =>
    invalid(`invalid model name '${model}', model name must not contain NUL characters`),
  unknownVersion: (model: string, version: number | bigint) =>
    notFound(`Request for unknown model: '${model}' version ${version} is not found`),
  noAvailableVersions: (model: string) =>
    notFound(`Request for unknown model: '${model}' has no available versions`),
  versionNotReady: (model: string, version: number | bigint) =>
    unavailable(
      `Request for unknown model: '${model}' version ${version} is not at ready state`,
      REASONS.modelNotReady,
      WHILE_MS,
    ),
  versionNotInteger: (version: string) =>
    invalid(
      `failed to get model version from specified version string '${version}' (details: stol), version should be an integral value > 0`,
    ),
  versionNegative: (version: string) =>
    invalid(`invalid model version specified '${version}' , version should be an integral value > 0`),
  decoupled: () =>
    new ServingError(
      'UNIMPLEMENTED',
      "ModelInfer RPC doesn't support models with decoupled transaction policy",
    ),
  decoupledOverHttp: () =>
    new ServingError(
      'UNIMPLEMENTED',
      "HTTP end point doesn't support models with decoupled transaction policy",
    ),
  statisticsUnavailable: (model: string) => invalid(`requested model '${model}' is not available`),
  statisticsVersionUnavailable: (model: string) =>
    invalid(`requested model version is not available for model '${model}'`),
} as const;

export const serverErrors = {
  notReady: () => unavailable('Server not ready', REASONS.serverNotReady, WHILE_MS),
  exiting: () => unavailable('Server exiting', REASONS.shuttingDown),
  shuttingDown: () =>
    unavailable('GRPC server is shutting down and has stopped accepting new requests.', REASONS.shuttingDown),
  schedulerStopping: () =>
    unavailable(
      'Server is stopping, scheduler for model has stopped accepting new inference requests',
      REASONS.shuttingDown,
    ),
  repositoryNameUnsupported: () =>
    new ServingError('UNIMPLEMENTED', "'repository_name' specification is not supported"),
  restrictedProtocol: (header: string) =>
    unavailable(`This protocol is restricted, expecting header '${header}'`, REASONS.restricted),
  malformedMessage: (reason: string) => invalid(`malformed request message: ${reason}`),
  inFlightBytes: (bytesMax: number) =>
    unavailable(
      `Exceeds the limit of ${bytesMax} bytes of requests in flight`,
      REASONS.inFlightLimit,
      MOMENT_MS,
    ),
  inFlightRequests: (requestsMax: number) =>
    unavailable(`Exceeds the limit of ${requestsMax} requests in flight`, REASONS.inFlightLimit, MOMENT_MS),
  requestTooLarge: (bytesMax: number) =>
    new ServingError('RESOURCE_EXHAUSTED', `A request of this method has at most ${bytesMax} bytes`),
  compressionUnknown: (encoding: string) =>
    new ServingError('UNIMPLEMENTED', `Received message compressed with unsupported encoding "${encoding}"`),
  decompressedTooLarge: (bytesMax: number) =>
    new ServingError(
      'RESOURCE_EXHAUSTED',
      `Received message that decompresses to a size larger than ${bytesMax}`,
    ),
  reflectionStreams: (streamsMax: number) =>
    new ServingError('RESOURCE_EXHAUSTED', `Exceeds the limit of ${streamsMax} reflection streams`),
  watchers: (watchersMax: number) =>
    new ServingError('RESOURCE_EXHAUSTED', `Exceeds the limit of ${watchersMax} health watches`),
  healthList: (modelsMax: number) =>
    new ServingError('RESOURCE_EXHAUSTED', `More than ${modelsMax} models to list`),
  unknownHealth: (service: string) => notFound(`unknown service '${service}'`),
} as const;

/** What requests over HTTP can do wrong before it is known what they ask for. */
export const httpErrors = {
  shuttingDown: () =>
    unavailable('HTTP server is shutting down and has stopped accepting new requests.', REASONS.shuttingDown),
  inputTooLarge: (bytesMax: number) =>
    invalid(
      `Request JSON size exceeds the maximum allowed value of ${bytesMax} bytes. Use --http-max-input-size to increase the limit.`,
    ),
  controlTooLarge: (bytesMax: number) => invalid(`Requests of this kind have at most ${bytesMax} bytes`),
  malformedJson: (reason: string) => invalid(`failed to parse the request JSON buffer: ${reason}`),
  notBoolean: (member: string) =>
    invalid(`Unable to parse '${member}': attempt to access JSON non-boolean as boolean`),
  notObject: (member: string) =>
    invalid(`Unable to parse '${member}': attempt to get members for non-object`),
  notBase64: (parameter: string) => invalid(`the value of load parameter '${parameter}' is not base64`),
} as const;

export const queueErrors = {
  full: (prefix: string) => unavailable(`${prefix}Exceeds maximum queue size`, REASONS.queueFull, MOMENT_MS),
  timeout: () => unavailable('Request timeout expired', REASONS.queueTimeout, MOMENT_MS),
  deadline: () => new ServingError('DEADLINE_EXCEEDED', 'Deadline exceeded before the model ran'),
  cancelled: () => new ServingError('CANCELLED', ''),
  laneLost: (model: string) =>
    unavailable(
      `the worker that ran model '${model}' has stopped, the request was not completed`,
      REASONS.workerLost,
      WHILE_MS,
    ),
  noInstance: (model: string) =>
    unavailable(
      `no instance of model '${model}' is available, its worker is being replaced`,
      REASONS.workerLost,
      WHILE_MS,
    ),
} as const;

/** What a model answered that can't be handed to the requests of its batch. */
export const answerErrors = {
  missing: (model: string, output: string) => internal(`model '${model}' did not return output '${output}'`),
  batchDim: (model: string, output: string, shape: string, rows: number) =>
    internal(
      `output '${output}' of model '${model}' has shape ${shape}, expected ${rows} as its first dimension: the model's batch has that many rows`,
    ),
  bytes: (model: string, output: string, shape: string, got: number) =>
    internal(
      `output '${output}' of model '${model}' has ${got} bytes, which do not hold the elements of shape ${shape}`,
    ),
} as const;

const BATCH_DIMENSION_NOTE =
  'NOTE: Setting a non-zero max_batch_size in the model config requires a batch dimension to be prepended to each input shape. If you want to specify the full shape including the batch dim in your input dims config, try setting max_batch_size to zero. See the model configuration docs for more info on max_batch_size.';

export const inputErrors = {
  duplicate: (prefix: string, input: string) =>
    invalid(`${prefix}input '${input}' already exists in request`),
  /** `required` = number of required inputs, equal to `expected` when none is optional. */
  count: (
    prefix: string,
    model: string,
    required: number,
    expected: number,
    got: readonly string[],
    missing: readonly string[],
  ) => {
    const range =
      required === expected
        ? `expected ${expected} inputs`
        : `expected number of inputs between ${required} and ${expected}`;
    // Triton prints an unopened bracket when nothing is missing; clients match on the text as it is.
    const missingList = missing.length === 0 ? ']' : formatList(missing);
    return invalid(
      `${prefix}${range} but got ${got.length} inputs for model '${model}'. Got input(s) ${formatList(got)}, but missing required input(s) ${missingList}. Please provide all required input(s).`,
    );
  },
  unknown: (model: string, input: string) =>
    invalid(`unexpected inference input '${input}' for model '${model}'`),
  datatype: (prefix: string, model: string, input: string, got: string, expected: string) =>
    invalid(
      `${prefix}inference input '${input}' data-type is '${got}', but model '${model}' expects '${expected}'`,
    ),
  shape: (prefix: string, model: string, input: string, expected: string, got: string, batching: boolean) =>
    invalid(
      `${prefix}unexpected shape for input '${input}' for model '${model}'. Expected ${expected}, got ${got}. ${batching ? BATCH_DIMENSION_NOTE : ''}`,
    ),
  unspecifiedDim: (prefix: string, model: string, input: string, got: string) =>
    invalid(
      `${prefix}All input dimensions should be specified for input '${input}' for model '${model}', got ${got}`,
    ),
  noBatchDim: (prefix: string, model: string, input: string) =>
    invalid(`${prefix}input '${input}' has no shape but model requires batch dimension for '${model}'`),
  batchMismatch: (prefix: string, model: string, input: string) =>
    invalid(`${prefix}input '${input}' batch size does not match other inputs for '${model}'`),
  batchTooLarge: (prefix: string, model: string, max: number) =>
    invalid(`${prefix}inference request batch-size must be <= ${max} for '${model}'`),
  batchEmpty: (prefix: string, model: string, input: string, rows: number) =>
    invalid(`${prefix}input '${input}' has batch size ${rows}, model '${model}' needs at least 1`),
  byteSize: (prefix: string, model: string, input: string, expected: number, got: number) =>
    invalid(
      `${prefix}input byte size mismatch for input '${input}' for model '${model}'. Expected ${expected}, got ${got}`,
    ),
  bytesPrefix: (prefix: string, model: string, input: string, available: number) =>
    invalid(
      `${prefix}incomplete string length indicator for inference input '${input}' for model '${model}', expecting 4 bytes but only ${available} bytes available. Please make sure the string length indicator is in one buffer.`,
    ),
  bytesSurplus: (prefix: string, model: string, input: string, got: number, expected: number) =>
    invalid(
      `${prefix}unexpected number of string elements ${got} for inference input '${input}' for model '${model}', expecting ${expected}`,
    ),
  bytesMissing: (prefix: string, model: string, input: string, expected: number, got: number) =>
    invalid(
      `${prefix}expected ${expected} string elements for inference input '${input}' for model '${model}', got ${got}`,
    ),
  bytesTooMany: (prefix: string, model: string, input: string, elementsMax: number) =>
    invalid(
      `${prefix}inference input '${input}' for model '${model}' has more than ${elementsMax} string elements, the most that are taken`,
    ),
  bytesTruncated: (input: string, length: number, available: number) =>
    invalid(
      `incomplete string data for inference input '${input}', expecting string of length ${length} but only ${available} bytes available`,
    ),
  bytesNotText: (prefix: string, model: string, input: string, element: number) =>
    invalid(
      `${prefix}string element ${element} of input '${input}' is not UTF-8 text without NUL bytes, which is all that the backend of model '${model}' can receive`,
    ),
  pictureShape: (prefix: string, model: string, input: string, got: string) =>
    invalid(
      `${prefix}encoded pictures for input '${input}' for model '${model}' need shape [N] or [N,1], got ${got}`,
    ),
  picturesTooMany: (prefix: string, model: string, input: string, got: number, picturesMax: number) =>
    invalid(
      `${prefix}input '${input}' for model '${model}' has ${got} encoded pictures, of which one request may hold ${picturesMax}`,
    ),
  picture: (prefix: string, model: string, input: string, index: number, reason: string) =>
    invalid(`${prefix}picture ${index} of input '${input}' for model '${model}': ${reason}`),
} as const;

export const decodeErrors = {
  full: (picturesMax: number, bytesMax: number, decodedBytesMax: number) =>
    unavailable(
      `Exceeds the limit of ${picturesMax} pictures, ${bytesMax} encoded or ${decodedBytesMax} decoded bytes waiting to be decoded`,
      REASONS.decodersFull,
      MOMENT_MS,
    ),
  threadLost: () =>
    new ServingError(
      'INTERNAL',
      'the thread that decoded the pictures has failed, the request was not completed',
    ),
} as const;

export const outputErrors = {
  duplicate: (prefix: string, output: string) =>
    invalid(`${prefix}output '${output}' already exists in request`),
  unknown: (model: string, output: string) =>
    invalid(`unexpected inference output '${output}' for model '${model}'`),
  classificationType: () =>
    invalid("invalid value type for 'classification' parameter, expected int64_param"),
  classificationValue: () => invalid("invalid value for 'classification' parameter, expected >= 0"),
  classificationInSharedMemory: () =>
    invalid("output can't set both 'shared_memory_region' and 'classification'"),
  classificationUnsupported: (output: string, datatype: string) =>
    invalid(`class result not available for output '${output}' due to unsupported type '${datatype}'`),
  classificationTooLarge: () => invalid('classification output tensor too large'),
  tooLarge: (bytes: number) =>
    invalid(`Response has byte size ${bytes} which exceeds gRPC's byte size limit 2147483647.`),
} as const;

export const payloadErrors = {
  rawAndTyped: (model: string, input: string) =>
    invalid(
      `contents field must not be specified when using raw_input_contents for '${input}' for model '${model}'`,
    ),
  twoTyped: (model: string, input: string) =>
    invalid(
      `unexpected explicit tensor data for input tensor '${input}' for model '${model}', binary data was already supplied.`,
    ),
  typedOfWrongType: (model: string, input: string, got: string, expected: string) =>
    invalid(
      `unexpected explicit tensor data for input tensor '${input}' for model '${model}' of type '${got}', expected datatype '${expected}'`,
    ),
  missing: (model: string, input: string) =>
    invalid(`unable to find data for input tensor '${input}' for model '${model}' in request.`),
  typedInSharedMemory: (model: string, input: string) =>
    invalid(
      `unexpected 'content' provided when using shared memory for input tensor '${input}' for model '${model}'`,
    ),
} as const;

export const parameterErrors = {
  headerReserved: (header: string) =>
    invalid(`Header '${header}' is reserved for Triton usage and cannot be forwarded.`),
  sequenceId: () =>
    invalid("invalid value type for 'sequence_id' parameter, expected int64_param or string_param."),
  sequenceIdLength: () =>
    new ServingError('UNIMPLEMENTED', 'string correlation ID cannot be longer than 128 characters'),
  bool: (key: string) => invalid(`invalid value type for '${key}' parameter, expected bool_param.`),
  priorityType: () =>
    invalid("invalid value type for 'priority' parameter, expected int64_param or uint64_param."),
  priorityNegative: () => invalid("invalid value for 'priority', expected value >= 0."),
  timeoutType: () => invalid("invalid value type for 'timeout' parameter, expected int64_param."),
  reserved: () =>
    invalid(
      "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response",
    ),
  customType: (key: string) =>
    invalid(`invalid value type for '${key}' parameter, expected int64_param, bool_param, or string_param.`),
} as const;

/** What loading and unloading on request is answered with; where a text ends in a line feed, Triton's does. */
export const repositoryErrors = {
  notInRepository: (model: string, reason?: string) =>
    refused(
      `failed to load '${model}', failed to poll from model repository${reason === undefined ? '' : `: ${reason}`}`,
    ),
  noVersion: (model: string) =>
    invalid(
      `load failed for model '${model}': at least one version must be available under the version policy of model '${model}'\n`,
    ),
  /** All that failed, in ascending order. */
  loadFailed: (model: string, versions: readonly VersionFailure[]) =>
    invalid(
      `load failed for model '${model}': ${versions
        .map(({ version, reason }) => `version ${version} is at UNAVAILABLE state: ${reason};`)
        .join('')}\n`,
    ),
  outdated: () =>
    refused('Newer operation has been applied to the model lifecycle, current load operation is out-dated.'),
  /** @param versions those that are loaded still, ascending */
  unloadUnfinished: (model: string, versions: readonly number[]) =>
    refused(`failed to unload '${model}', versions that are still available: ${versions.join(',')}`),
  controlDisabled: () =>
    unavailable('explicit model load / unload is not allowed if polling is enabled', REASONS.controlDisabled),
  noRollback: (model: string) =>
    new ServingError(
      'FAILED_PRECONDITION',
      `model '${model}' can not be rolled back: nothing else was served before`,
    ),
  reloadWait: (model: string) =>
    unavailable(
      `model '${model}' is being reloaded, the request waited too long for it`,
      REASONS.modelReloading,
      WHILE_MS,
    ),
  reloadWaiters: (model: string, max: number) =>
    unavailable(
      `model '${model}' is being reloaded, ${max} requests wait for it already`,
      REASONS.modelReloading,
      WHILE_MS,
    ),
  nameEmpty: () => invalid('Model name cannot be empty. Please enter a valid name to deploy.'),
  nameTraversal: (model: string) =>
    invalid(`invalid model name '${model}', model name must not contain path traversal characters`),
  loadParameterType: (key: string, expected: string) =>
    invalid(`invalid value type for load parameter '${key}', expected ${expected}.`),
  loadParameterUnknown: (key: string) => invalid(`unrecognized load parameter '${key}'.`),
  /** @param path that of the parameter, without `file:` */
  fileOutside: (path: string, normalized: string) =>
    invalid(
      `Invalid file parameter 'file:${path}' with normalized path '${normalized}' must stay within model directory.`,
    ),
  fileName: (path: string, reason: string) => invalid(`Invalid file parameter 'file:${path}': ${reason}.`),
  filesTooMany: (model: string, filesMax: number) =>
    invalid(`Files of model '${model}': more than ${filesMax}, the most that are taken.`),
  rollbackWithOverride: () =>
    invalid("load parameter 'rollback' can't be combined with 'config' or 'file:' parameters."),
  unloadParameterType: (key: string) =>
    invalid(`invalid value type for '${key}' parameter, expected bool_param.`),
} as const;
