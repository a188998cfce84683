import { it } from 'vitest';
import { expectStreamsEnd } from './mutated-stream.js';

/** How many damaged messages are sent here; test/fuzz sends more. */
const MESSAGES = 600;
const SEED = 20_261_122;

it(`ends each stream of ${MESSAGES} damaged messages with a status, behind the answers that are due`, () =>
  expectStreamsEnd(SEED, MESSAGES));
