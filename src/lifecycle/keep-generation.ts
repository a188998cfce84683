import type { Clock } from '../lib/clock.js';
import type { Archive } from '../repository/store.js';
import type { Log } from '../telemetry/log.js';
import type { Generation } from './generation.js';

/** Keeps what is served now for a roll back; where that can't be done it is logged. */
export async function keepGeneration(
  { archive, clock, log }: { readonly archive: Archive; readonly clock: Clock; readonly log: Log },
  { name, archived }: Generation,
): Promise<void> {
  if (archived === null) return;
  try {
    await archive.save({ ...archived, savedMs: clock.wallMs() });
  } catch (error) {
    log.warn({ model: name, err: error }, 'what is served can not be kept for a roll back');
  }
}
