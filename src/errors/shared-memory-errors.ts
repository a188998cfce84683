import { REASONS } from './reasons.js';
import { ServingError } from './serving-error.js';

const invalid = (text: string): ServingError => new ServingError('INVALID_ARGUMENT', text);
const notFound = (text: string): ServingError => new ServingError('NOT_FOUND', text);
const refused = (text: string): ServingError => new ServingError('INTERNAL', text, { refusal: true });

/**
 * Regions of shared memory: what requests say of them, and what registering them is answered with. Part of
 * the catalogue: Triton's texts where it has one.
 */
export const sharedMemoryErrors = {
  disabled: () =>
    new ServingError(
      'UNIMPLEMENTED',
      "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
    ),
  parameterType: (key: string, tensor: string, expected: string) =>
    invalid(`invalid value type for '${key}' parameter for tensor '${tensor}', expected ${expected}.`),
  needsRegion: (key: string, tensor: string) =>
    invalid(`'${key}' can not be specified without 'shared_memory_region' parameter for tensor '${tensor}'`),
  needsByteSize: (tensor: string) =>
    invalid(
      `'shared_memory_byte_size' must be specified along with 'shared_memory_region' parameter for tensor '${tensor}'`,
    ),
  overflow: (region: string, offset: bigint, byteSize: bigint) =>
    invalid(
      `Integer overflow detected: byte_size (${byteSize}) + offset (${offset}) exceeds maximum value (18446744073709551615) for region '${region}'`,
    ),
  unknown: (region: string) => notFound(`Unable to find shared memory region: '${region}'`),
  unknownOf: (kind: 'system' | 'cuda', region: string) =>
    notFound(`Unable to find ${kind} shared memory region: '${region}'`),
  otherKind: (region: string) =>
    notFound(`The region named '${region}' is registered as system shared memory, not CUDA shared memory`),
  offset: (region: string) => invalid(`Invalid offset for shared memory region: '${region}'`),
  byteSize: (region: string) => invalid(`Invalid offset + byte size for shared memory region: '${region}'`),
  alreadyRegistered: (region: string) =>
    new ServingError('ALREADY_EXISTS', `shared memory region '${region}' already in manager`),
  keyEmpty: (region: string, key: string) =>
    invalid(`cannot register shared memory region '${region}' - invalid shm key '${key}'`),
  keyReserved: (region: string, key: string, reserved: string) =>
    invalid(
      `cannot register shared memory region '${region}' with key '${key}' as the key contains the reserved prefix '${reserved}'`,
    ),
  nameTooLong: (bytesMax: number) =>
    invalid(`names and keys of shared memory regions have at most ${bytesMax} bytes`),
  notOpened: (key: string) => refused(`Unable to open shared memory region: '${key}'`),
  keyInUse: (key: string) => refused(`Invalid shared memory region: '${key}'`),
  outside: (region: string) => invalid(`failed to register shared memory region '${region}': invalid args`),
  unaligned: (region: string) =>
    invalid(
      `failed to register shared memory region '${region}': unable to process address spaceInvalid argument`,
    ),
  nameEmpty: (kind: 'system' | 'cuda') =>
    invalid(`'region name' is necessary to register ${kind} shared memory region`),
  fieldMissing: (field: string) => invalid(`Shared memory register request has no '${field}' field`),
  notText: () => invalid('attempt to access JSON non-string as string'),
  notUnsigned: () => invalid('attempt to access JSON non-unsigned-integer as unsigned-integer'),
  noGpus: (region: string) =>
    invalid(`failed to register CUDA shared memory region: '${region}', GPUs not supported`),
  tooMany: (regionsMax: number) =>
    new ServingError('RESOURCE_EXHAUSTED', `Exceeds the limit of ${regionsMax} shared memory regions`),
  bytesInFlight: (bytesMax: number) =>
    new ServingError(
      'UNAVAILABLE',
      `Exceeds the limit of ${bytesMax} bytes of shared memory that requests hold copies of`,
      { reason: REASONS.inFlightLimit, retryMs: 100 },
    ),
  cutShort: (region: string) =>
    refused(`shared memory region '${region}' is no longer as large as it was registered`),
  failed: (region: string, reason: string) =>
    refused(`shared memory region '${region}' can not be read or written: ${reason}`),
  outputTooSmall: (output: string, byteSize: number, needed: number) =>
    refused(
      `shared memory size specified with the request for output '${output}' (${byteSize} bytes) should be at least ${needed} bytes to hold the results`,
    ),
  noSystemMemory: () =>
    new ServingError('UNIMPLEMENTED', 'Shared memory feature is currently not supported on this system'),
} as const;
