import type { IncomingHttpHeaders } from 'node:http';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';

/** Name of the header that says how much of a body is JSON, the rest being binary tensors. */
export const JSON_LENGTH_HEADER = 'Inference-Header-Content-Length';

/**
 * Bytes of JSON at the start of a body of `bodyBytes`; null when there are none and the body is the data of
 * the one input. Throws INVALID_ARGUMENT.
 */
export function jsonLength(headers: IncomingHttpHeaders, bodyBytes: number): number | null {
  const value = headers[JSON_LENGTH_HEADER.toLowerCase()];
  if (value === undefined) return bodyBytes === 0 ? null : bodyBytes;
  const text = String(value).trim();
  const length = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(length <= bodyBytes)) throw httpInferenceErrors.headerLength(text, bodyBytes);
  return length === 0 ? null : length;
}
