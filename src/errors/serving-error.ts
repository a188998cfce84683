/** gRPC status names that this server answers with; a door maps them to its own codes. */
export type StatusCode =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE';

export interface ServingErrorOptions extends ErrorOptions {
  /** With INTERNAL, where Triton's status says it: the server is well, what was asked for can't be done. */
  readonly refusal?: boolean;
  /** See {@link ServingError.isAnswer}. */
  readonly answer?: boolean;
  /** See {@link ServingError.reason}. */
  readonly reason?: string;
  /** See {@link ServingError.retryMs}. */
  readonly retryMs?: number;
}

/** What a client is told: a status and a text it can act on. Everything else is an internal error. */
export class ServingError extends Error {
  override readonly name = 'ServingError';
  readonly code: StatusCode;
  /** Whether something is wrong with the server or a model, which its operator should see. */
  readonly isFault: boolean;
  /** Whether a model's queue had accepted the request: on streams Triton tells such errors as an answer of the model. */
  readonly isAnswer: boolean;
  /** What happened, for programs: a word in capitals that never changes; that of the status where it says all. */
  readonly reason: string;
  /** Milliseconds after which the same request may well succeed; null where trying again is of no use. */
  readonly retryMs: number | null;

  constructor(code: StatusCode, message: string, options?: ServingErrorOptions) {
    super(message, options);
    this.code = code;
    this.isFault = code === 'INTERNAL' && options?.refusal !== true;
    this.isAnswer = options?.answer === true;
    this.reason = options?.reason ?? code;
    this.retryMs = options?.retryMs ?? null;
  }
}

/** The client-visible form of anything thrown; what is not a {@link ServingError} shows no details. */
export function toServingError(error: unknown): ServingError {
  if (error instanceof ServingError) return error;
  return new ServingError('INTERNAL', 'internal error, see the log of the server', { cause: error });
}

/** The same error as the answer of a model that had accepted the request. */
export function asAnswer(error: ServingError): ServingError {
  return copyOf(error, error.code, true);
}

/** The same error with another status. */
export function withCode(error: ServingError, code: StatusCode): ServingError {
  return copyOf(error, code, error.isAnswer);
}

function copyOf(error: ServingError, code: StatusCode, answer: boolean): ServingError {
  const { message, cause, reason, retryMs, isFault } = error;
  return new ServingError(code, message, {
    cause,
    refusal: !isFault,
    answer,
    reason,
    ...(retryMs !== null && { retryMs }),
  });
}
