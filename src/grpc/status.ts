import { Buffer } from 'node:buffer';
import { type ServerErrorResponse, type StatusObject, status } from '@grpc/grpc-js';
import { type StatusCode, toServingError } from '../errors/serving-error.js';
import type { Log } from '../telemetry/log.js';
import { detailsOf } from './status-details.js';

const CODES: Readonly<Record<StatusCode, status>> = {
  CANCELLED: status.CANCELLED,
  UNKNOWN: status.UNKNOWN,
  INVALID_ARGUMENT: status.INVALID_ARGUMENT,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  NOT_FOUND: status.NOT_FOUND,
  ALREADY_EXISTS: status.ALREADY_EXISTS,
  RESOURCE_EXHAUSTED: status.RESOURCE_EXHAUSTED,
  FAILED_PRECONDITION: status.FAILED_PRECONDITION,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
  INTERNAL: status.INTERNAL,
  UNAVAILABLE: status.UNAVAILABLE,
};

/** Clients accept 8 KiB of trailers in sum; a text goes there percent-encoded. */
const ENCODED_DETAILS_MAX = 6 << 10;

/** A status as grpc-js sends it. */
export type GrpcStatus = ServerErrorResponse & Pick<StatusObject, 'code' | 'details' | 'metadata'>;

/** The status for anything thrown; what the server itself did wrong goes to the log, not to the client. */
export function toGrpcStatus(error: unknown, method: string, log: Log): GrpcStatus {
  const serving = toServingError(error);
  const { code, message, cause, isFault } = serving;
  if (isFault) log.error({ err: cause ?? error, method }, 'request failed inside the server');
  else if (code === 'INTERNAL')
    log.warn({ method, reason: message }, 'what a request asked for can not be done');
  const details = fitDetails(message);
  return {
    name: code,
    message: details,
    code: CODES[code],
    details,
    metadata: detailsOf(serving, CODES[code], details),
  };
}

/** A text that may be sent as `grpc-message`: well-formed, and short enough for every client. */
export function fitDetails(text: string): string {
  // Only a surrogate without its partner changes here; encodeURI would throw on it.
  const wellFormed = /[\ud800-\udfff]/.test(text) ? Buffer.from(text).toString() : text;
  // A UTF-16 unit takes 9 bytes at most.
  if (wellFormed.length * 9 <= ENCODED_DETAILS_MAX) return wellFormed;
  let encodedBytes = 0;
  let kept = '';
  for (const character of wellFormed) {
    encodedBytes += encodeURI(character).length;
    if (encodedBytes > ENCODED_DETAILS_MAX) return `${kept}...`;
    kept += character;
  }
  return kept;
}
