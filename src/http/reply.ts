import { toServingError } from '../errors/serving-error.js';
import type { HttpReply, Route } from './route.js';
import { HTTP_STATUS } from './status.js';

/** The JSON of every error. */
export function errorBody(text: string): string {
  return JSON.stringify({ error: text });
}

/** An error with a status of its own. */
export function errorReply(
  status: number,
  text: string,
  contentType: Route['contentType'],
  headers: Readonly<Record<string, string>> = {},
): HttpReply {
  return { kind: 'whole', status, contentType, headers, body: errorBody(text) };
}

/** What a client is told of anything thrown, and when to try again where that is of use. */
export function thrownReply(error: unknown, contentType: Route['contentType']): HttpReply {
  const { code, message, retryMs } = toServingError(error);
  const headers = retryMs === null ? {} : { 'Retry-After': String(Math.ceil(retryMs / 1000)) };
  return errorReply(HTTP_STATUS[code], message, contentType, headers);
}

/** A good answer; `value` undefined = without a body. */
export function jsonReply(value?: object): HttpReply {
  return {
    kind: 'whole',
    status: 200,
    contentType: 'application/json',
    body: value === undefined ? '' : JSON.stringify(value),
  };
}
