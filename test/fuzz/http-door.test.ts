import { it } from 'vitest';
import { expectStatuses } from '../http/mutated-door.js';

const REQUESTS = 10_000;
/** NAIAD_FUZZ_SEED=n sends other requests; the name of the test says which were sent. */
const SEED = Number(process.env.NAIAD_FUZZ_SEED ?? 1);

it(`the HTTP door answers ${REQUESTS} damaged requests of seed ${SEED} with a status`, () =>
  expectStatuses(SEED, REQUESTS));
