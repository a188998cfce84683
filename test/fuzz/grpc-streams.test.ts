import { it } from 'vitest';
import { expectStreamsEnd } from '../grpc/mutated-stream.js';

const MESSAGES = 10_000;
/** NAIAD_FUZZ_SEED=n sends other messages; the name of the test says which were sent. */
const SEED = Number(process.env.NAIAD_FUZZ_SEED ?? 1);

it(`the gRPC door ends streams of ${MESSAGES} damaged messages of seed ${SEED} with a status`, () =>
  expectStreamsEnd(SEED, MESSAGES));
