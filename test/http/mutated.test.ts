import { it } from 'vitest';
import { expectStatuses } from './mutated-door.js';

/** How many damaged requests are sent here; test/fuzz sends more. */
const REQUESTS = 500;
const SEED = 20_261_121;

it(`answers each of ${REQUESTS} damaged requests with a status, and valid ones between them right`, () =>
  expectStatuses(SEED, REQUESTS));
