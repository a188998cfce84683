import { serverErrors } from '../errors/catalogue.js';
import { WireError } from '../wire/wire-error.js';

/** Runs `decode`; what it throws becomes an INVALID_ARGUMENT. */
export function decodeMessage<T>(decode: (bytes: Buffer) => T, bytes: Buffer): T {
  try {
    return decode(bytes);
  } catch (error) {
    // Others than ours come from protobufjs: a RangeError for cut off or too deeply nested messages.
    const reason = error instanceof WireError ? error.message : 'not a valid protobuf message';
    throw serverErrors.malformedMessage(reason);
  }
}
