import type { StatusCode } from '../errors/serving-error.js';

/** HTTP status of each code: Triton's where it has the code, else what gRPC gateways use. */
export const HTTP_STATUS: Readonly<Record<StatusCode, number>> = {
  CANCELLED: 400,
  UNKNOWN: 400,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 400,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
};
