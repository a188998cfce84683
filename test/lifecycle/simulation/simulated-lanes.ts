import { ok } from 'node:assert/strict';
import type { RunInputs, RunOutputs } from '#naiad/backend/backend.js';
import { queueErrors } from '#naiad/errors/catalogue.js';
import { type Clock, sleep } from '#naiad/lib/clock.js';
import type { Executor } from '#naiad/worker/executor.js';
import type { Lanes, LoadRequest } from '#naiad/worker/lanes.js';
import { int32Tensor, int32Values, marksOf } from '../../scheduler/builders.js';
import type { Random } from '../../scheduler/simulation/random.js';
import { type Content, contentOf } from './content.js';
import type { VirtualDisk } from './virtual-disk.js';

export interface LanesScenario {
  /** The longest that a load takes. */
  readonly loadNsMax: number;
  readonly runNsMax: number;
  readonly unloadNsMax: number;
  /** A load fails although nothing is wrong with the model. */
  readonly loadFailureChance: number;
}

/** What the simulation around is told. */
export interface LanesObserver {
  loadBegins(
    request: LoadRequest,
    underWay: readonly LoadRequest[],
    live: ReadonlySet<SimulatedExecutor>,
  ): void;
  unloadBegins(executor: SimulatedExecutor): void;
  /** Runs a check whose failure must not be taken for a failure of what is simulated. */
  guard(check: () => void): void;
}

/** Loads what a virtual disk holds into {@link SimulatedExecutor}s. */
export class SimulatedLanes implements Pick<Lanes, 'load'> {
  readonly #disk: VirtualDisk;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #scenario: LanesScenario;
  readonly #observer: LanesObserver;
  readonly #loading = new Set<LoadRequest>();
  /** Loaded, or being unloaded. */
  readonly live = new Set<SimulatedExecutor>();
  failing = true;
  /** Loads that failed although nothing was wrong with the model. */
  failures = 0;
  loads = 0;

  constructor(
    disk: VirtualDisk,
    clock: Clock,
    random: Random,
    scenario: LanesScenario,
    observer: LanesObserver,
  ) {
    this.#disk = disk;
    this.#clock = clock;
    this.#random = random;
    this.#scenario = scenario;
    this.#observer = observer;
  }

  get loading(): number {
    return this.#loading.size;
  }

  async load(request: LoadRequest): Promise<Executor> {
    this.#observer.guard(() => this.#observer.loadBegins(request, [...this.#loading], this.live));
    this.#loading.add(request);
    this.loads++;
    try {
      await sleep(this.#clock, 1 + this.#random.next() ** 2 * this.#scenario.loadNsMax);
      if (this.failing && this.#random.chance(this.#scenario.loadFailureChance)) {
        this.failures++;
        throw new Error(`the worker thread stopped while it loaded model '${request.model}'`);
      }
      const content = contentOf(this.#disk.filesIn(request.options.directory));
      if (!content.loads) throw new Error('the model is damaged');
      const executor = new SimulatedExecutor(request, content, this);
      this.live.add(executor);
      return executor;
    } finally {
      this.#loading.delete(request);
    }
  }

  /** Time that a run takes. */
  runNs(): number {
    return this.#random.between(1, this.#scenario.runNsMax);
  }

  wait(ns: number): Promise<void> {
    return sleep(this.#clock, ns);
  }

  nowNs(): number {
    return this.#clock.nowNs();
  }

  async release(executor: SimulatedExecutor): Promise<void> {
    this.#observer.guard(() => this.#observer.unloadBegins(executor));
    await this.wait(this.#random.between(0, this.#scenario.unloadNsMax));
    this.live.delete(executor);
  }

  check(check: () => void): void {
    this.#observer.guard(check);
  }
}

/** An instance that answers OUT, the number of the content that it was loaded with. */
export class SimulatedExecutor implements Executor {
  readonly name: string;
  readonly description = null;
  readonly request: LoadRequest;
  readonly content: Content;
  readonly #lanes: SimulatedLanes;
  readonly #listeners = new Set<() => void>();
  readonly #lose = new Set<() => void>();
  #alive = true;
  #released = false;

  constructor(request: LoadRequest, content: Content, lanes: SimulatedLanes) {
    this.name = request.name;
    this.request = request;
    this.content = content;
    this.#lanes = lanes;
  }

  get available(): boolean {
    return this.#alive && !this.#released;
  }

  get released(): boolean {
    return this.#released;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  onAvailability(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async run({ inputs }: RunInputs): Promise<RunOutputs> {
    this.#lanes.check(() => ok(!this.#released, 'a released instance is asked to run'));
    const { model } = this.request;
    if (!this.available) throw queueErrors.noInstance(model);
    const values = inputs.flatMap(int32Values);
    if (!this.content.warmsUp && values.includes(0)) throw new Error('this is too cold');
    const runNs = this.#lanes.runNs();
    await new Promise<void>((resolve, reject) => {
      const lose = (): void => reject(queueErrors.laneLost(model));
      this.#lose.add(lose);
      void this.#lanes.wait(runNs).then(() => {
        this.#lose.delete(lose);
        resolve();
      });
    });
    const rows = values.length;
    const outputs = [int32Tensor('OUT', [rows, 1], new Array<number>(rows).fill(this.content.number))];
    return { outputs, marks: marksOf(this.#lanes.nowNs(), runNs) };
  }

  /** Its thread dies, and comes back later. */
  die(downNs: number): void {
    if (!this.available) return;
    this.#change(() => {
      this.#alive = false;
    });
    for (const lose of [...this.#lose]) lose();
    this.#lose.clear();
    void this.#lanes.wait(downNs).then(() =>
      this.#change(() => {
        this.#alive = true;
      }),
    );
  }

  unload(): Promise<void> {
    this.#lanes.check(() => {
      ok(!this.#released, 'an instance is unloaded twice');
      ok(this.#lose.size === 0, 'an instance is unloaded while it runs');
    });
    this.#change(() => {
      this.#released = true;
    });
    return this.#lanes.release(this);
  }

  #change(change: () => void): void {
    const before = this.available;
    change();
    if (this.available !== before) for (const listener of this.#listeners) listener();
  }
}
