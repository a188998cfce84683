import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { Catalog } from '#naiad/lifecycle/catalog.js';
import { Chronicle } from '#naiad/lifecycle/chronicle.js';
import { LoadGate } from '#naiad/lifecycle/load-gate.js';
import { ModelManager } from '#naiad/lifecycle/manager.js';
import { Metrics } from '#naiad/telemetry/metrics.js';
import type { LoadRequest } from '#naiad/worker/lanes.js';
import type { Random } from '../../scheduler/simulation/random.js';
import { FakeClock } from '../../support/fake-clock.js';
import { Calls } from './calls.js';
import { Clients } from './clients.js';
import { forgetContents } from './content.js';
import { HeldWatch } from './held-watch.js';
import { expectedOf } from './oracle.js';
import { RepositoryEvents } from './repository-events.js';
import { checkRest } from './rest.js';
import { noticedNs, reloadPolicyOf, type Scenario } from './scenario.js';
import { ServedWatch } from './served-watch.js';
import { forgetSetups } from './setup.js';
import { type SimulatedExecutor, SimulatedLanes } from './simulated-lanes.js';
import { SimulatedArchive, SimulatedStore } from './simulated-store.js';
import { Story } from './story.js';
import { mount, VirtualDisk } from './virtual-disk.js';
import { VirtualRepositories } from './virtual-repositories.js';

/** How often what happened, to show that a simulation did not miss the point. */
export type Tally = Map<string, number>;

const SECOND_NS = 1e9;

/** A server without doors and models: its repositories, its lanes and its clients are all made up. */
export class World {
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #tally: Tally;
  readonly #clock = new FakeClock();
  readonly #catalog = new Catalog();
  readonly #story = new Story(this.#clock);
  readonly #repositories: VirtualRepositories;
  readonly #store: SimulatedStore;
  readonly #lanes: SimulatedLanes;
  readonly #manager: ModelManager;
  readonly #watch: ServedWatch;
  readonly #held: HeldWatch;
  readonly #clients: Clients;
  readonly #calls: Calls;
  readonly #events: RepositoryEvents;
  #busy: boolean;
  #deaths = 0;
  #started = false;
  #violation: unknown = null;

  constructor(random: Random, scenario: Scenario, tally: Tally) {
    forgetContents();
    forgetSetups();
    this.#random = random;
    this.#scenario = scenario;
    this.#tally = tally;
    this.#busy = scenario.busy === 'always';
    const clock = this.#clock;
    const disk = new VirtualDisk();
    mount(disk);
    this.#repositories = new VirtualRepositories(clock, disk, {
      settleNs: scenario.settleMs * 1e6,
      noticedNs: noticedNs(scenario),
    });
    this.#store = new SimulatedStore(this.#repositories, disk, clock, random, scenario);
    this.#lanes = new SimulatedLanes(disk, clock, random, scenario, {
      loadBegins: (...load) => this.#checkLoad(...load),
      unloadBegins: (executor) => this.#checkUnload(executor),
      guard: (check) => this.#guard(check),
    });
    this.#watch = new ServedWatch(this.#catalog, this.#repositories, scenario);
    this.#catalog.onChange(() => this.#guard(() => this.#watch.look()));
    this.#manager = this.#newManager();
    const mishaps = (): number => this.#store.failures + this.#lanes.failures + this.#deaths;
    this.#held = new HeldWatch({
      catalog: this.#catalog,
      clock,
      scenario,
      watch: this.#watch,
      guard: (check: () => void) => this.#guard(check),
      mishaps,
    });
    const shared = {
      catalog: this.#catalog,
      clock,
      random,
      scenario,
      watch: this.#watch,
      guard: (check: () => void) => this.#guard(check),
      count: (what: string, of?: string) => this.#count(what, of),
      mishaps,
    };
    this.#clients = new Clients({ ...shared, held: this.#held });
    this.#calls = new Calls({
      ...shared,
      control: this.#manager,
      repositories: this.#repositories,
      live: this.#lanes.live,
    });
    this.#events = new RepositoryEvents(this.#repositories, random, clock, scenario, shared.count);
  }

  /** For the report of a failure. */
  get story(): string {
    return this.#story.text;
  }

  async start(): Promise<void> {
    for (let left = this.#random.between(0, 4); left > 0; left--) this.#events.happen();
    if (this.#random.chance(0.7)) await this.#clock.advance(this.#random.between(0, 3 * this.#settleNs));
    void this.#startManager().catch((error: unknown) => this.#fail(error));
    await this.#advance(0);
  }

  async step(): Promise<void> {
    const random = this.#random;
    const { changeChance, callChance, mode, names, deathChance, busy } = this.#scenario;
    if (random.chance(changeChance)) this.#events.happen();
    if (random.chance(0.7)) this.#clients.ask(random.pick(names));
    if (this.#started && mode !== 'none' && random.chance(mode === 'poll' ? callChance / 4 : callChance)) {
      this.#calls.random();
    }
    if (random.chance(0.1)) this.#manager.hint();
    if (busy === 'sometimes' && random.chance(0.1)) this.#busy = !this.#busy;
    for (const executor of this.#lanes.live) {
      if (!executor.available || !random.chance(deathChance)) continue;
      this.#deaths++;
      this.#count('lane lost');
      executor.die(random.between(1, 3 * SECOND_NS));
    }
    await this.#advance(0);
    await this.#advance(this.#stepNs());
  }

  /** Lets everything come to its end; afterwards nothing may be left. */
  async finish(): Promise<void> {
    if (this.#scenario.stopsInTheMiddle) {
      this.#watch.end();
      this.#calls.stop();
    } else {
      await this.#comeToRest();
      this.#checkRest();
      await this.#unloadAll();
    }
    await this.#until('all requests answered', () => this.#clients.underWay === 0);
    this.#watch.end();
    this.#calls.stop();
    let stopped = false;
    void this.#manager.stop().then(
      () => {
        stopped = true;
      },
      (error: unknown) => this.#fail(error),
    );
    await this.#until('a stop', () => stopped && this.#calls.underWay === 0 && this.#events.underWay === 0);
    deepEqual([this.#lanes.live.size, this.#lanes.loading, this.#clients.leases], [0, 0, 0]);
    // Retired lanes come back, and what was being read is read.
    await this.#advance(100 * SECOND_NS);
    equal(this.#lanes.live.size, 0, 'something was loaded after the stop');
    equal(this.#clock.pendingTimers, 0, 'timers are left');
  }

  async #startManager(): Promise<void> {
    await this.#manager.start(await this.#store.list());
    this.#started = true;
    this.#watch.started = true;
  }

  get #settleNs(): number {
    return this.#scenario.settleMs * 1e6;
  }

  #newManager(): ModelManager {
    const {
      mode,
      loadModels,
      settleMs,
      pollSecs,
      keepWarmSecs,
      loadRetries,
      reloadPolicy,
      loadsMax,
      copies,
    } = this.#scenario;
    return new ModelManager({
      catalog: this.#catalog,
      chronicle: new Chronicle({ log: this.#story, clock: this.#clock }),
      metrics: new Metrics(),
      log: this.#story,
      clock: this.#clock,
      gate: new LoadGate(loadsMax, () => this.#busy),
      lanes: this.#lanes,
      store: this.#store,
      archive: new SimulatedArchive(),
      autoComplete: true,
      defaultInstances: 1,
      queueRowsMax: 1000,
      queueBytesMax: 1e6,
      instancesAtOnce: () => (this.#busy ? 1 : 2),
      modelLoadThreads: loadsMax,
      reloadPolicy,
      loadRetries,
      keepWarmSecs,
      onFolders: () => {},
      settings: {
        controlMode: mode,
        pollSecs,
        loadModels,
        configName: '',
        settleMs,
        loadRetries,
        reloadPolicy,
        keepWarmSecs,
        artifactCache: copies ? '/cache' : null,
        artifactCacheBytes: 1 << 30,
      },
    });
  }

  #stepNs(): number {
    const random = this.#random;
    const longest = random.pick([
      1e7,
      3e8,
      this.#settleNs,
      2 * this.#settleNs,
      1.5 * this.#scenario.pollSecs * SECOND_NS,
    ]);
    return random.chance(0.2) ? 0 : random.between(1, longest);
  }

  async #advance(ns: number): Promise<void> {
    await this.#clock.advance(ns);
    this.#guard(() => this.#watch.look());
    this.#throwViolation();
  }

  async #until(what: string, isReached: () => boolean): Promise<void> {
    for (let second = 0; !isReached(); second++) {
      ok(second < 1000, `${what} takes too long`);
      await this.#advance(SECOND_NS);
    }
  }

  async #comeToRest(): Promise<void> {
    await this.#until('what happens to the repositories', () => this.#events.underWay === 0);
    this.#store.failing = false;
    this.#lanes.failing = false;
    for (const repository of this.#repositories.all) repository.readable = true;
    if (this.#scenario.busy === 'sometimes') this.#busy = false;
    await this.#until('the start', () => this.#started);
    await this.#until('the calls', () => this.#calls.underWay === 0);
    // A load that has failed is known to have when all of it is given back.
    await this.#until('what is being loaded', () => this.#lanes.loading === 0);
    await this.#advance(20 * SECOND_NS);
    for (const repository of this.#repositories.all) {
      // What failed without being to blame is tried again when it is touched.
      for (const [name, { files }] of repository.models) {
        this.#repositories.touch(repository, name, [...files.keys()][0] ?? '');
      }
    }
    await this.#advance(
      (20 + 4 * this.#scenario.pollSecs + (4 * this.#scenario.settleMs) / 1000) * SECOND_NS,
    );
    if (this.#scenario.mode === 'explicit') await this.#loadAll();
    await this.#until('requests', () => this.#clients.underWay === 0);
    await this.#advance((200 + this.#scenario.keepWarmSecs) * SECOND_NS);
  }

  /** A load of each model succeeds when the repository holds a good one, and only then. */
  async #loadAll(): Promise<void> {
    for (const name of this.#scenario.names) {
      let answer: string | null = null;
      void this.#calls.issue('load', name).then((text) => {
        answer = text;
      });
      await this.#until('a load', () => answer !== null);
      const expected = expectedOf(this.#repositories.current(name));
      if (expected.kind === 'served') {
        const all = [...expected.versions.values()].map(({ good }) => good);
        if (all.includes('no')) notEqual(answer, '');
        if (all.every((good) => good === 'yes')) equal(answer, '');
      } else notEqual(answer, '');
    }
  }

  /** What must hold when nothing has happened for long. */
  #checkRest(): void {
    this.#throwViolation();
    checkRest({
      scenario: this.#scenario,
      catalog: this.#catalog,
      repositories: this.#repositories,
      watch: this.#watch,
      calls: this.#calls,
      live: this.#lanes.live,
    });
    equal(this.#lanes.loading, 0);
    equal(this.#clock.pendingTimers, this.#scenario.mode === 'poll' ? 1 : 0, 'timers are left at rest');
  }

  async #unloadAll(): Promise<void> {
    const { mode, names } = this.#scenario;
    if (mode === 'none') return;
    for (const repository of this.#repositories.all) {
      for (const name of [...repository.models.keys()]) this.#repositories.put(repository, name, null);
    }
    if (mode === 'explicit') for (const name of [...names, 'x']) void this.#calls.issue('unload', name);
    await this.#advance(
      (20 + 2 * this.#scenario.pollSecs + (2 * this.#scenario.settleMs) / 1000) * SECOND_NS,
    );
    await this.#until('unloads', () => this.#calls.underWay === 0);
    deepEqual(this.#catalog.names(), [], 'models that are gone are known still');
    equal(this.#lanes.live.size, 0);
    equal(this.#clock.pendingTimers, mode === 'poll' ? 1 : 0, 'timers are left when all is unloaded');
  }

  #checkLoad(
    request: LoadRequest,
    underWay: readonly LoadRequest[],
    live: ReadonlySet<SimulatedExecutor>,
  ): void {
    const { model, options } = request;
    this.#held.checkLoad(model);
    for (const other of underWay) {
      if (other.model !== model) continue;
      deepEqual(
        [other.options.version, other.options.directory],
        [options.version, options.directory],
        'two loads at once',
      );
    }
    const models = new Set([...underWay.map((other) => other.model), model]);
    ok(
      models.size <= (this.#scenario.busy === 'always' ? 1 : this.#scenario.loadsMax),
      'too many loads at once',
    );
    if (reloadPolicyOf(this.#scenario) !== 'memory-preserving' || !this.#scenario.copies) return;
    for (const executor of live) {
      const other = executor.request;
      if (other.model !== model || other.options.version !== options.version) continue;
      // What has died holds nothing.
      if (!executor.available && !executor.released) continue;
      const isSameSession =
        other.options.directory === options.directory &&
        other.options.parameters.execute_delay_ms === options.parameters.execute_delay_ms;
      ok(isSameSession && !executor.released, `'${model}' is loaded while the memory of another is held`);
    }
  }

  #checkUnload(executor: SimulatedExecutor): void {
    equal(executor.listeners, 0, 'somebody listens to an instance that is gone');
    this.#clients.checkUnload(executor);
  }

  #count(what: string, of = ''): void {
    this.#story.tell('---', `${what} ${of}`);
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }

  /** Keeps what a check throws from what is simulated. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#violation ??= error;
  }

  #throwViolation(): void {
    if (this.#violation !== null) throw this.#violation;
  }
}
