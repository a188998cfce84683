import { equal, notEqual, ok } from 'node:assert/strict';
import { ServingError } from '#naiad/errors/serving-error.js';
import type { Catalog } from '#naiad/lifecycle/catalog.js';
import type { LoadOptions, RepositoryControl } from '#naiad/lifecycle/control.js';
import type { Random } from '../../scheduler/simulation/random.js';
import type { FakeClock } from '../../support/fake-clock.js';
import { type Quality, versionFiles } from './content.js';
import { type Expected, expectedOf, isServed, keyOfServed, servedOf } from './oracle.js';
import type { Scenario } from './scenario.js';
import type { ServedWatch } from './served-watch.js';
import { randomSetup, toJson } from './setup.js';
import type { SimulatedExecutor } from './simulated-lanes.js';
import type { VirtualRepositories } from './virtual-repositories.js';

export interface CallsContext {
  readonly control: Pick<RepositoryControl, 'load' | 'unload'>;
  readonly catalog: Catalog;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly repositories: VirtualRepositories;
  readonly watch: ServedWatch;
  readonly live: ReadonlySet<SimulatedExecutor>;
  readonly guard: (check: () => void) => void;
  readonly count: (what: string, of?: string) => void;
  /** Reads and loads that failed without a model being to blame. */
  readonly mishaps: () => number;
}

type Kind = 'load' | 'override' | 'unload' | 'rollback';

interface Call {
  readonly kind: Kind;
  readonly name: string;
  readonly issuedNs: number;
  readonly mishaps: number;
  /** What was served when it was issued. */
  readonly before: string;
  /** Whether that was what was wanted. */
  readonly settled: boolean;
  /** Whether another one was under way when it was issued. */
  readonly overlaps: boolean;
  /** Newer ones of the same model. */
  newer: number;
  /** What an override asks for. */
  readonly override: Expected | null;
}

const NO_FILES: ReadonlyMap<string, Uint8Array> = new Map();

/** Those who say what is to be loaded. */
export class Calls {
  readonly #context: CallsContext;
  readonly #underWay = new Set<Call>();
  /** Models whose last answered call rolled them back. */
  readonly #rolledBack = new Set<string>();
  #stopping = false;

  constructor(context: CallsContext) {
    this.#context = context;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  wasRolledBack(name: string): boolean {
    return this.#rolledBack.has(name);
  }

  /** The server stops: calls may be answered with anything. */
  stop(): void {
    this.#stopping = true;
  }

  random(): void {
    const { random, scenario } = this.#context;
    const name = random.pick(scenario.names);
    const kind =
      scenario.mode === 'poll'
        ? 'rollback'
        : random.pick(['load', 'load', 'override', 'unload', 'rollback'] as const);
    void this.issue(kind, name);
  }

  /** Resolves with the text of the error, '' when there is none. */
  async issue(kind: Kind, name: string): Promise<string> {
    const { watch, count, guard } = this.#context;
    const { carryOut, override } = this.#prepare(kind, name);
    count(`${kind} asked for`, name);
    const call = this.#register(kind, name, override);
    if (kind === 'unload') {
      watch.disarm(name);
      watch.unloading.set(name, (watch.unloading.get(name) ?? 0) + 1);
    }
    let failure: unknown = null;
    try {
      await carryOut();
    } catch (error) {
      failure = error;
    }
    this.#underWay.delete(call);
    if (kind === 'rollback') this.#rolledBack.add(name);
    if (kind === 'unload') watch.unloading.set(name, (watch.unloading.get(name) ?? 0) - 1);
    guard(() => {
      if (failure === null) this.#checkSuccess(call);
      else this.#checkFailure(call, failure);
    });
    const text = failure instanceof Error ? failure.message : '';
    count(`${kind}: ${text === '' ? 'done' : text.replace(/'[a-z]'/g, '_').slice(0, 50)}`, name);
    return text;
  }

  #register(kind: Kind, name: string, override: Expected | null): Call {
    const { clock, catalog, mishaps } = this.#context;
    const others = [...this.#underWay].filter((call) => call.name === name);
    for (const other of others) other.newer++;
    const entries = catalog.versions(name);
    const call: Call = {
      kind,
      name,
      override,
      issuedNs: clock.nowNs(),
      mishaps: mishaps(),
      settled: entries.length > 0 && entries.every(({ state, reason }) => state === 'READY' && reason === ''),
      before: keyOfServed(servedOf(catalog, name)),
      overlaps: others.length > 0,
      newer: 0,
    };
    this.#underWay.add(call);
    return call;
  }

  #prepare(kind: Kind, name: string): { carryOut: () => Promise<void>; override: Expected | null } {
    const { control } = this.#context;
    const load = (options: Partial<LoadOptions>) => () =>
      control.load(name, { config: null, files: NO_FILES, rollback: false, ...options });
    switch (kind) {
      case 'load':
        return { carryOut: load({}), override: null };
      case 'rollback':
        return { carryOut: load({ rollback: true }), override: null };
      case 'unload':
        return { carryOut: () => control.unload(name, { dependents: false }), override: null };
      case 'override':
        return this.#prepareOverride(name, load);
    }
  }

  #prepareOverride(
    name: string,
    load: (options: Partial<LoadOptions>) => () => Promise<void>,
  ): { carryOut: () => Promise<void>; override: Expected | null } {
    const { random, scenario, repositories, watch } = this.#context;
    const config = toJson(randomSetup(random, scenario.policies));
    if (random.chance(0.5)) {
      watch.overrides.set(name, [...(watch.overrides.get(name) ?? []), config]);
      return { carryOut: load({ config }), override: null };
    }
    const quality: Quality = random.chance(0.8) ? 'good' : 'corrupt';
    const version = random.between(1, 3);
    const texts = new Map<string, string>([['labels.txt', 'sent']]);
    for (const [path, text] of versionFiles(quality)) texts.set(`${version}/${path}`, text);
    const override = expectedOf(repositories.newModel(texts), config);
    watch.sent.push({ name, expected: override });
    const files = new Map([...texts].map(([path, text]) => [path, Buffer.from(text)]));
    return { carryOut: load({ config, files }), override };
  }

  #checkSuccess(call: Call): void {
    const { catalog, live, repositories } = this.#context;
    const { kind, name } = call;
    if (call.newer > 0 || this.#stopping) return;
    const served = servedOf(catalog, name);
    if (kind === 'unload') {
      equal(served.size, 0);
      equal([...live].filter(({ request }) => request.model === name).length, 0, `'${name}' is not unloaded`);
      return;
    }
    ok(served.size > 0, `'${name}' is not loaded`);
    if (kind === 'rollback') {
      if (!call.overlaps && call.settled && this.#context.scenario.mode === 'explicit') {
        notEqual(keyOfServed(served), call.before, `'${name}' was not rolled back`);
      }
      return;
    }
    if (kind === 'override') {
      if (call.override !== null)
        ok(isServed(served, call.override), `'${name}' is not served as it was sent`);
      return;
    }
    if (!this.#context.scenario.copies) return;
    const asked = repositories.quiet(name, call.issuedNs).map((snapshot) => expectedOf(snapshot));
    ok(
      asked.some((expected) => isServed(served, expected)),
      `'${name}' is served otherwise than the repository says: ${keyOfServed(served)}`,
    );
  }

  #checkFailure(call: Call, error: unknown): void {
    const { kind, name } = call;
    const { scenario, repositories } = this.#context;
    if (!(error instanceof ServingError)) throw error;
    if (this.#stopping) return;
    const { message } = error;
    if (message.startsWith('Newer operation')) {
      const wasGone = scenario.mode === 'poll' && !repositories.isThere(name);
      ok(call.newer > 0 || wasGone, `the only ${kind} of '${name}' is answered: ${message}`);
      return;
    }
    if (message.includes('failed to unload')) {
      ok(this.#context.clock.nowNs() - call.issuedNs >= 60e9, message);
      return;
    }
    if (kind !== 'load' || call.newer > 0 || call.overlaps || this.#context.mishaps() > call.mishaps) return;
    const { all } = repositories;
    const current = repositories.current(name);
    const expected = expectedOf(current);
    const wasQuiet = current.fromNs < call.issuedNs && all.every(({ readable }) => readable);
    const isGood =
      expected.kind === 'served' && [...expected.versions.values()].every(({ good }) => good === 'yes');
    ok(!(wasQuiet && isGood), `'${name}' could be loaded: ${message}`);
  }
}
