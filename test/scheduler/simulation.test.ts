import { expect, it } from 'vitest';
import { Random } from './simulation/random.js';
import { randomScenario } from './simulation/scenario.js';
import { type Tally, World } from './simulation/world.js';

const SEEDS = 300;
const STEPS = 60;
// Takes two to three seconds; a busy machine may take many times that.
const TIMEOUT_MS = 120_000;

async function simulate(seed: number, tally: Tally): Promise<void> {
  const random = new Random(seed);
  const scenario = randomScenario(random);
  const world = new World(random, scenario, tally);
  try {
    for (let step = 0; step < STEPS; step++) await world.step();
    await world.finish();
  } catch (error) {
    throw new Error(`seed ${seed}, ${JSON.stringify(scenario)}`, { cause: error });
  }
}

it('keeps its promises under random load', { timeout: TIMEOUT_MS }, async () => {
  const tally: Tally = new Map();
  for (let seed = 1; seed <= SEEDS; seed++) await simulate(seed, tally);
  const happened = [
    'answered',
    'batch',
    'batch of several',
    'prefetch',
    'delayed',
    'UNAVAILABLE Request timeout expi',
    'UNAVAILABLE Exceeds maximum queu',
    'UNAVAILABLE the worker has stopp',
    'DEADLINE_EXCEEDED Deadline exceeded be',
    'INTERNAL simulated failure',
    'CANCELLED ',
  ];
  for (const what of happened) expect([what, (tally.get(what) ?? 0) > 50]).toEqual([what, true]);
});
