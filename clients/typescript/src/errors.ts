import { type Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { statusMessages } from './protocol.js';

/** Names of the gRPC statuses of failed calls. */
export type StatusName = Exclude<keyof typeof status, 'OK'>;

/** What the trailers of a failed call tell of trying again. */
export interface RetryHint {
  /** The server wants no other try. */
  readonly isForbidden: boolean;
  /** Milliseconds that the server wants to be left alone; null where it does not say. */
  readonly pauseMs: number | null;
}

/** A call, or one request of a stream, was answered with an error. */
export class InferenceError extends Error {
  override readonly name = 'InferenceError';
  /** Status of the call; null for one request of a stream, whose status the protocol does not tell. */
  readonly code: StatusName | null;
  /** Why, for programs, e.g. `QUEUE_FULL`; null where the server does not say. */
  readonly reason: string | null;
  readonly retry: RetryHint;

  constructor(code: StatusName | null, message: string, options?: InferenceErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = options?.reason ?? null;
    this.retry = options?.retry ?? NO_HINT;
  }
}

export interface InferenceErrorOptions extends ErrorOptions {
  readonly reason?: string | null;
  readonly retry?: RetryHint;
}

const NO_HINT: RetryHint = { isForbidden: false, pauseMs: null };

const PUSHBACK = 'grpc-retry-pushback-ms';
const DETAILS = 'grpc-status-details-bin';
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';

/** What grpc-js reports, with the reason and the hint from its trailers. Anything else stays what it is. */
export function toInferenceError(error: unknown): unknown {
  if (!isServiceError(error)) return error;
  const { reason, retryMs } = readDetails(error.metadata);
  const pushback = readPushback(error.metadata);
  const retry = pushback ?? { isForbidden: false, pauseMs: retryMs };
  const code = (status[error.code] ?? 'UNKNOWN') as StatusName;
  return new InferenceError(code, error.details, { cause: error, reason, retry });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}

/** gRPC's own hint: as gRPC has it, what is no number from 0 means that there is to be no other try. */
function readPushback(metadata: Metadata): RetryHint | null {
  const [value] = metadata.get(PUSHBACK);
  if (value === undefined) return null;
  const text = value.toString();
  return /^\d{1,10}$/.test(text)
    ? { isForbidden: false, pauseMs: Number(text) }
    : { isForbidden: true, pauseMs: null };
}

interface Details {
  reason: string | null;
  retryMs: number | null;
}

function readDetails(metadata: Metadata): Details {
  const details: Details = { reason: null, retryMs: null };
  const [value] = metadata.get(DETAILS);
  if (!Buffer.isBuffer(value)) return details;
  try {
    for (const any of statusMessages.status.deserialize(value).details) {
      if (any.type_url === ERROR_INFO) {
        details.reason = statusMessages.errorInfo.deserialize(any.value).reason;
      } else if (any.type_url === RETRY_INFO) {
        const delay = statusMessages.retryInfo.deserialize(any.value).retryDelay;
        if (delay !== null) details.retryMs = delay.seconds * 1000 + delay.nanos / 1e6;
      }
    }
  } catch {
    // Details are extra: damaged ones must not hide the error itself.
  }
  return details;
}
