import { InferenceError, type StatusName } from './errors.js';

/** Whether and when a failed call is tried again. Streams never are. */
export interface RetryPolicy {
  /** Tries in all, the first one included; 1 = never again. */
  readonly triesMax: number;
  /** Before the second try. */
  readonly firstPauseMs: number;
  /** What each further pause is longer by. */
  readonly factor: number;
  /** No pause of the policy's own is longer. A server may ask for longer ones. */
  readonly pauseMsMax: number;
  /** Statuses that are worth another try. */
  readonly codes: readonly StatusName[];
}

export const DEFAULT_RETRY: RetryPolicy = {
  triesMax: 4,
  firstPauseMs: 100,
  factor: 2,
  pauseMsMax: 5000,
  codes: ['UNAVAILABLE'],
};

/** UNAVAILABLE for reasons that time does not change. */
const LASTING_REASONS: ReadonlySet<string> = new Set(['RESTRICTED', 'CONTROL_DISABLED']);

/**
 * Milliseconds to wait before a call is tried again after `error`; null when it is not to be.
 * @param tries how many there were, from 1
 * @param random from 0 to 1, so that clients which failed together do not come back together: the policy's own
 * pauses are shortened by up to half, those that a server asks for lengthened by up to a fifth
 */
export function pauseAfter(
  error: unknown,
  tries: number,
  policy: RetryPolicy,
  random: number,
): number | null {
  if (!(error instanceof InferenceError) || error.code === null) return null;
  if (tries >= policy.triesMax || !policy.codes.includes(error.code)) return null;
  if (error.retry.isForbidden || (error.reason !== null && LASTING_REASONS.has(error.reason))) return null;
  if (error.retry.pauseMs !== null) return error.retry.pauseMs * (1 + 0.2 * random);
  const pauseMs = Math.min(policy.firstPauseMs * policy.factor ** (tries - 1), policy.pauseMsMax);
  return pauseMs * (1 - 0.5 * random);
}
