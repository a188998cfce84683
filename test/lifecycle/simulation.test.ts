import { expect, it, vi } from 'vitest';
import { Random } from '../scheduler/simulation/random.js';
import { randomScenario } from './simulation/scenario.js';
import { type Tally, World } from './simulation/world.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

/** First and last; `NAIAD_SIMULATION_SEEDS=1-5000` for a long run, `17` for one of them. */
const SEEDS = process.env.NAIAD_SIMULATION_SEEDS ?? '1-40';
const STEPS = 80;
const FAILURES_MAX = 10;
// A long run takes 20 seeds a second.
const TIMEOUT_MS = 3_600_000;

class SeedError extends Error {}

async function simulate(seed: number, tally: Tally): Promise<void> {
  const random = new Random(seed);
  const scenario = randomScenario(random);
  const world = new World(random, scenario, tally);
  try {
    await world.start();
    for (let step = 0; step < STEPS; step++) await world.step();
    await world.finish();
  } catch (error) {
    const message = `seed ${seed}: ${String(error)}\n${JSON.stringify(scenario)}\n${world.story}`;
    throw new SeedError(message, { cause: error });
  }
}

it('keeps its promises whatever happens', { timeout: TIMEOUT_MS }, async () => {
  const tally: Tally = new Map();
  const failures: SeedError[] = [];
  const [first = 1, last = first] = SEEDS.split('-').map(Number);
  for (let seed = first; seed <= last && failures.length < FAILURES_MAX; seed++) {
    await simulate(seed, tally).catch((error: SeedError) => failures.push(error));
  }
  if (failures.length > 0) {
    const all = failures.map(({ message }) => message.split('\n')[0]);
    throw new Error([...all, failures[0]?.message].join('\n'), { cause: failures[0]?.cause });
  }
  if (last - first < 39) return;
  const happened = [
    'answered',
    'waited for a reload',
    'lane lost',
    'lost with its lane',
    'half a copy',
    'moved away and back',
    'reverted',
    'touched',
    'model found twice',
    'repository that can not be read',
    'load: done',
    'override: done',
    'unload: done',
    'rollback: done',
    'load: Newer operation has been applied to the model life',
    'unload: Newer operation has been applied to the model life',
  ];
  expect(happened.filter((what) => !tally.has(what))).toEqual([]);
  expect(tally.get('answered')).toBeGreaterThan(500);
});
