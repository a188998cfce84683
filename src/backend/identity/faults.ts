import { setImmediate } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { ServingError } from '../../errors/serving-error.js';
import { invariant } from '../../lib/invariant.js';

/**
 * Faults that the parameter `fault` of an identity model injects into each of its runs, for tests of a
 * server and its clients: `error` fails the run as a backend would, `exit` ends the lane's thread.
 */
export const FAULTS = ['error', 'exit'] as const;

export type Fault = (typeof FAULTS)[number];

/** Rejects with ServingError or ends this thread. */
export async function injectFault(fault: Fault, model: string): Promise<never> {
  if (fault === 'error') {
    throw new ServingError('INTERNAL', `model '${model}' fails as its parameter 'fault' asks`);
  }
  invariant(!isMainThread, 'an identity model runs in the main thread');
  // The answer of the run before this one goes out first.
  await setImmediate();
  // In a worker this ends the thread only; the lane's owner must notice and replace it.
  process.exit(1);
}
