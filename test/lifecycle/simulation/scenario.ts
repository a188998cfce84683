import type { ControlMode, ReloadPolicy } from '#naiad/settings/settings.js';
import type { Random } from '../../scheduler/simulation/random.js';
import type { LanesScenario } from './simulated-lanes.js';
import type { StoreScenario } from './simulated-store.js';

/** The world that models live in. Times in nanoseconds unless they say otherwise. */
export interface Scenario extends StoreScenario, LanesScenario {
  readonly mode: ControlMode;
  readonly names: readonly string[];
  /** At start, in explicit mode. */
  readonly loadModels: readonly string[] | null;
  readonly reloadPolicy: ReloadPolicy;
  /** What configurations say of it; null = nothing. */
  readonly policies: readonly (ReloadPolicy | null)[];
  readonly settleMs: number;
  readonly pollSecs: number;
  readonly keepWarmSecs: number;
  readonly loadRetries: number;
  readonly loadsMax: number;
  /** Whether requests are being served, as far as loads are told. */
  readonly busy: 'never' | 'always' | 'sometimes';
  /** Of an instance, at each step. */
  readonly deathChance: number;
  /** How long clients hold a version before and after its run. */
  readonly holdNsMax: number;
  /** How often something happens to the repositories at a step. */
  readonly changeChance: number;
  readonly callChance: number;
  /** Ends without coming to rest before. */
  readonly stopsInTheMiddle: boolean;
}

const MODES: readonly ControlMode[] = ['poll', 'poll', 'poll', 'explicit', 'explicit', 'explicit', 'none'];
const POLICIES: readonly (readonly (ReloadPolicy | null)[])[] = [
  [null],
  [null],
  [null],
  ['memory-preserving'],
  [null, 'availability-preserving', 'memory-preserving'],
];

export function randomScenario(random: Random): Scenario {
  const names = ['m', 'n', 'o'].slice(0, random.between(1, 3));
  return {
    mode: random.pick(MODES),
    names,
    loadModels: random.pick([[], null, ['m'], ['m', 'x']]),
    reloadPolicy: random.pick(['availability-preserving', 'memory-preserving']),
    policies: random.pick(POLICIES),
    settleMs: random.pick([100, 1000, 3000]),
    pollSecs: random.pick([1, 2, 5]),
    keepWarmSecs: random.pick([0, 0, 4, 30]),
    loadRetries: random.pick([0, 0, 2]),
    loadsMax: random.between(1, 4),
    busy: random.pick(['never', 'always', 'sometimes']),
    deathChance: random.pick([0, 0.03]),
    holdNsMax: random.pick([1, 1e8, 3e9]),
    changeChance: random.pick([0.1, 0.3, 0.6]),
    callChance: random.pick([0.1, 0.4]),
    copies: random.chance(0.85),
    latencyNsMax: random.pick([0, 1e7, 5e8, 2e9]),
    readFailureChance: random.pick([0, 0, 0.1]),
    loadNsMax: random.pick([0, 1e8, 3e9]),
    runNsMax: random.pick([1e5, 1e8, 2e9]),
    unloadNsMax: random.pick([0, 1e8, 2e9]),
    loadFailureChance: random.pick([0, 0, 0.15]),
    stopsInTheMiddle: random.chance(0.1),
  };
}

/** How a model is reloaded, as far as that is the same for all of its configurations. */
export function reloadPolicyOf({ reloadPolicy, policies }: Scenario): ReloadPolicy | 'either' {
  const effective = new Set(policies.map((policy) => policy ?? reloadPolicy));
  // Before a configuration is known it is what the server says.
  effective.add(reloadPolicy);
  const [only] = effective;
  return effective.size === 1 && only !== undefined ? only : 'either';
}

/** How long something must be there to have been seen by everyone who looks at the repositories. */
export function noticedNs({ pollSecs, settleMs, latencyNsMax }: Scenario): number {
  return 2 * (pollSecs * 1e9 + settleMs * 1e6 + 2 * latencyNsMax);
}
