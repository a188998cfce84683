import { ServingError } from '../errors/serving-error.js';
import { sharedMemoryErrors } from '../errors/shared-memory-errors.js';
import type { RequestParameter } from './request-options.js';
import type { SharedMemoryRef } from './shared-memory-ref.js';

const REGION = 'shared_memory_region';
const OFFSET = 'shared_memory_offset';
const BYTE_SIZE = 'shared_memory_byte_size';

/** What addresses are counted in. */
const SIZE_BITS = 64;

/**
 * Where the parameters of an input or a requested output say that its data lie: null = in the message
 * itself. Of several mistakes the one that Triton reports is returned.
 */
export function readSharedMemory(
  tensor: string,
  parameters: ReadonlyMap<string, RequestParameter>,
): SharedMemoryRef | ServingError | null {
  const region = parameters.get(REGION);
  const offset = parameters.get(OFFSET);
  const byteSize = parameters.get(BYTE_SIZE);
  if (region === undefined) {
    if (offset !== undefined) return sharedMemoryErrors.needsRegion(OFFSET, tensor);
    if (byteSize !== undefined) return sharedMemoryErrors.needsRegion(BYTE_SIZE, tensor);
    return null;
  }
  if (region.kind !== 'string') return sharedMemoryErrors.parameterType(REGION, tensor, 'string_param');
  const start = offset === undefined ? 0n : toSize(offset);
  if (start === null) return sharedMemoryErrors.parameterType(OFFSET, tensor, 'int64_param');
  if (byteSize === undefined) return sharedMemoryErrors.needsByteSize(tensor);
  const size = toSize(byteSize);
  if (size === null) return sharedMemoryErrors.parameterType(BYTE_SIZE, tensor, 'int64_param');
  return { region: region.value, offset: Number(start), byteSize: Number(size) };
}

/** Whether {@link readSharedMemory} found a mistake. */
export function isMistake(read: SharedMemoryRef | ServingError | null): read is ServingError {
  return read instanceof ServingError;
}

/** Triton reads negative numbers as unsigned ones, which no region reaches. */
function toSize(parameter: RequestParameter): bigint | null {
  if (parameter.kind !== 'int64' && parameter.kind !== 'uint64') return null;
  return BigInt.asUintN(SIZE_BITS, parameter.value);
}
