import type { Clock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';

/** The store did not answer what it was asked for, which says nothing about any model. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * What a store answers, in time. Rejects with {@link StoreError}, the text for people, when it answers
 * nothing: network file systems may hang for hours.
 */
export function askStore<T>(
  clock: Clock,
  answer: Promise<T>,
  waitNs: number = LIMITS.storeWaitMs * 1e6,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const patience = clock.setTimer(Math.max(0, waitNs), () =>
      reject(new StoreError('the repository does not answer')),
    );
    answer.then(
      (value) => {
        patience.cancel();
        resolve(value);
      },
      (error: unknown) => {
        patience.cancel();
        const text = error instanceof Error ? error.message : String(error);
        reject(new StoreError(text, { cause: error }));
      },
    );
  });
}
