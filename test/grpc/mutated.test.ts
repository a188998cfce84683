import { it } from 'vitest';
import { expectStatuses } from './mutated-door.js';

/** How many damaged messages are sent here; test/fuzz sends more. */
const MESSAGES = 1500;
const SEED = 20_260_731;

it(`answers each of ${MESSAGES} damaged messages with a status, and valid ones between them right`, () =>
  expectStatuses(SEED, MESSAGES));
