import { serverErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import { WireError } from '../wire/wire-error.js';

/** A received message, or why it is none: deserializers must not throw, grpc-js would answer INTERNAL. */
export type Decoded<T> =
  | { readonly kind: 'message'; readonly message: T }
  | { readonly kind: 'malformed'; readonly error: ServingError };

/** Runs `decode`; what it throws becomes an INVALID_ARGUMENT. */
export function decodeSafely<T>(decode: (bytes: Buffer) => T, bytes: Buffer): Decoded<T> {
  try {
    return { kind: 'message', message: decode(bytes) };
  } catch (error) {
    // Others than ours come from protobufjs: a RangeError for cut off or too deeply nested messages.
    const reason = error instanceof WireError ? error.message : 'not a valid protobuf message';
    return { kind: 'malformed', error: serverErrors.malformedMessage(reason) };
  }
}
