import type { DynamicBatchingSpec, ModelSpec, QueuePolicy } from '#naiad/model-config/model-spec.js';
import { anInput, aQueuePolicy, dynamicBatching } from '../builders.js';
import type { Random } from './random.js';

/** A random model and the world it lives in. Times in nanoseconds. */
export interface Scenario {
  readonly spec: Pick<ModelSpec, 'maxBatchSize' | 'inputs' | 'scheduling'>;
  readonly instances: number;
  readonly queueRowsMax: number;
  readonly queueBytesMax: number;
  /** Typical length of a run; all other times are in proportion. */
  readonly runNs: number;
  readonly failureChance: number;
  readonly deathChance: number;
}

export function randomScenario(random: Random): Scenario {
  const runNs = random.pick([100e3, 2e6, 40e6]);
  const direct = random.chance(0.25);
  const maxBatchSize = random.chance(0.15) ? 0 : random.between(1, 16);
  return {
    spec: {
      maxBatchSize,
      inputs: [
        anInput({ name: 'IN', dims: [random.chance(0.5) ? -1 : 1] }),
        anInput({ name: 'TEXT', datatype: 'BYTES', dims: [1], optional: random.chance(0.3) }),
      ],
      scheduling: direct ? { kind: 'direct' } : randomBatching(random, maxBatchSize, runNs),
    },
    instances: random.between(1, 3),
    queueRowsMax: random.pick([8, 40, 1000]),
    queueBytesMax: random.pick([300, 3000, 1e6]),
    runNs,
    failureChance: random.pick([0, 0, 0.1]),
    deathChance: random.pick([0, 0, 0.03]),
  };
}

function randomBatching(random: Random, maxBatchSize: number, runNs: number): DynamicBatchingSpec {
  const sizes = Array.from({ length: random.between(0, 3) }, () =>
    random.between(1, Math.max(1, maxBatchSize)),
  );
  const preferred = [...new Set(sizes)].sort((a, b) => a - b);
  const priorityLevels = random.chance(0.5) ? 0 : random.between(1, 4);
  const levels = Array.from({ length: priorityLevels }, (_, index) => index + 1);
  return dynamicBatching({
    preferredBatchSizes: preferred.length === 0 ? [maxBatchSize] : preferred,
    queueDelayUsMax: random.chance(0.6) ? 0 : random.between(1, runNs / 1000),
    preserveOrdering: random.chance(0.3),
    priorityLevels,
    defaultPriorityLevel: priorityLevels === 0 ? 0 : random.between(1, priorityLevels),
    defaultQueuePolicy: randomPolicy(random, runNs),
    priorityQueuePolicies: new Map(
      levels.filter(() => random.chance(0.5)).map((level) => [level, randomPolicy(random, runNs)]),
    ),
  });
}

function randomPolicy(random: Random, runNs: number): QueuePolicy {
  if (random.chance(0.5)) return aQueuePolicy();
  return aQueuePolicy({
    timeoutAction: random.pick(['REJECT', 'DELAY']),
    defaultTimeoutUs: random.pick([0, random.between(1, (3 * runNs) / 1000)]),
    allowTimeoutOverride: random.chance(0.5),
    queueRequestsMax: random.pick([0, 0, random.between(1, 10)]),
  });
}
