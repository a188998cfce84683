import { Catalog, LATEST } from '#naiad/lifecycle/catalog.js';
import { Chronicle } from '#naiad/lifecycle/chronicle.js';
import type { LoadOptions } from '#naiad/lifecycle/control.js';
import { LoadGate } from '#naiad/lifecycle/load-gate.js';
import { ModelManager } from '#naiad/lifecycle/manager.js';
import type { Lease } from '#naiad/lifecycle/serving-model.js';
import type { ControlMode, ReloadPolicy } from '#naiad/settings/settings.js';
import { Metrics } from '#naiad/telemetry/metrics.js';
import { Random } from '../scheduler/simulation/random.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordedLog } from '../support/recorded-log.js';
import { type Quality, versionFiles } from './simulation/content.js';
import { answeringOf, executorsOf } from './simulation/oracle.js';
import { type Setup, toJson, toText } from './simulation/setup.js';
import { SimulatedLanes } from './simulation/simulated-lanes.js';
import { SimulatedArchive, SimulatedStore } from './simulation/simulated-store.js';
import { mount, VirtualDisk } from './simulation/virtual-disk.js';
import { VirtualRepositories, type VirtualRepository } from './simulation/virtual-repositories.js';

export const SECOND_NS = 1e9;

export interface HarnessOptions {
  readonly mode: ControlMode;
  readonly loadModels: readonly string[] | null;
  readonly reloadPolicy: ReloadPolicy;
  readonly keepWarmSecs: number;
  readonly loadRetries: number;
  readonly startsAfterRetries: boolean;
  /** Whether models are served from copies. */
  readonly copies: boolean;
  readonly loadsMax: number;
}

/** Every chance fails, every time is the longest there can be. */
class Steady extends Random {
  override next(): number {
    return 1 - 2 ** -32;
  }
}

/** A call and how it ended: `under way`, `done` or the text of its error. */
export interface Call {
  outcome: string;
}

/**
 * Models that take a second to load and a tenth of one to unload, in a repository that is looked at every
 * ten seconds and must be left alone for one. Tests that use it mock `node:fs/promises`.
 */
export class Harness {
  readonly clock = new FakeClock();
  readonly catalog = new Catalog();
  readonly log = new RecordedLog();
  readonly metrics = new Metrics();
  readonly lanes: SimulatedLanes;
  readonly store: SimulatedStore;
  readonly repositories: VirtualRepositories;
  readonly manager: ModelManager;
  busy = false;
  #setups = new Map<string, Setup>();
  #marker = 0;

  constructor(options: Partial<HarnessOptions> = {}) {
    const { mode = 'explicit', loadModels = [], reloadPolicy = 'availability-preserving' } = options;
    const {
      keepWarmSecs = 0,
      loadRetries = 0,
      startsAfterRetries = false,
      copies = true,
      loadsMax = 4,
    } = options;
    const random = new Steady(1);
    const disk = new VirtualDisk();
    mount(disk);
    this.repositories = new VirtualRepositories(this.clock, disk, {
      settleNs: SECOND_NS,
      noticedNs: 20 * SECOND_NS,
    });
    this.store = new SimulatedStore(this.repositories, disk, this.clock, random, {
      copies,
      latencyNsMax: 0,
      readFailureChance: 0,
    });
    this.lanes = new SimulatedLanes(
      disk,
      this.clock,
      random,
      { loadNsMax: SECOND_NS, unloadNsMax: SECOND_NS / 10, runNsMax: SECOND_NS / 10, loadFailureChance: 0 },
      { loadBegins: () => {}, unloadBegins: () => {}, guard: (check) => check() },
    );
    this.manager = new ModelManager({
      catalog: this.catalog,
      chronicle: new Chronicle({ log: this.log, clock: this.clock }),
      metrics: this.metrics,
      log: this.log,
      clock: this.clock,
      gate: new LoadGate(loadsMax, () => this.busy),
      lanes: this.lanes,
      store: this.store,
      archive: new SimulatedArchive(),
      autoComplete: true,
      defaultInstances: 1,
      queueRowsMax: 1000,
      queueBytesMax: 1e6,
      instancesAtOnce: () => 4,
      modelLoadThreads: loadsMax,
      startsAfterRetries,
      reloadPolicy,
      loadRetries,
      keepWarmSecs,
      onFolders: () => {},
      settings: {
        controlMode: mode,
        pollSecs: 10,
        loadModels,
        configName: '',
        settleMs: 1000,
        loadRetries,
        reloadPolicy,
        keepWarmSecs,
        artifactCache: copies ? '/cache' : null,
        artifactCacheBytes: 1 << 30,
      },
    });
  }

  get #home(): VirtualRepository {
    const [home] = this.repositories.all;
    if (home === undefined) throw new Error('there is no repository');
    return home;
  }

  /** Starts; models that lie there already have done so for long. */
  async start(): Promise<void> {
    await this.seconds(100);
    const call = this.follow(this.manager.start(await this.store.list()));
    await this.seconds(0);
    while (call.outcome === 'under way') await this.seconds(1);
    if (call.outcome !== 'done') throw new Error(call.outcome);
  }

  async seconds(seconds: number): Promise<void> {
    await this.clock.advance(seconds * SECOND_NS);
  }

  /** Writes versions, each with content of its own, and a configuration where there is none. */
  write(name: string, versions: Readonly<Record<number, Quality>>, setup: Partial<Setup> = {}): void {
    const files = Object.entries(versions).flatMap(([version, quality]) =>
      versionFiles(quality).map(([path, text]) => [`${version}/${path}`, text] as const),
    );
    const isNew = !this.#setups.has(name);
    this.repositories.write(this.#home, name, [
      ...files,
      ...(isNew || Object.keys(setup).length > 0
        ? [['config.pbtxt', this.#config(name, setup)] as const]
        : []),
    ]);
  }

  /** Changes the configuration only. */
  configure(name: string, setup: Partial<Setup>): void {
    this.write(name, {}, setup);
  }

  writeFile(name: string, path: string, text: string): void {
    this.repositories.write(this.#home, name, [[path, text]]);
  }

  readFile(name: string, path: string): string {
    return this.#home.models.get(name)?.files.get(path)?.text ?? '';
  }

  touch(name: string, path: string): void {
    this.repositories.touch(this.#home, name, path);
  }

  removeVersion(name: string, version: number): void {
    this.repositories.remove(this.#home, name, `${version}/`);
  }

  remove(name: string): void {
    this.repositories.put(this.#home, name, null);
    this.#setups.delete(name);
  }

  load(name: string, options: Partial<LoadOptions> = {}): Call {
    return this.follow(
      this.manager.load(name, { config: null, files: new Map(), rollback: false, ...options }),
    );
  }

  rollBack(name: string): Call {
    return this.load(name, { rollback: true });
  }

  /** JSON of a configuration, as clients send it. */
  override(setup: Partial<Setup>): string {
    return toJson({ ...this.#defaults(), ...setup });
  }

  unload(name: string): Call {
    return this.follow(this.manager.unload(name));
  }

  follow(promise: Promise<unknown>): Call {
    const call: Call = { outcome: 'under way' };
    promise.then(
      () => {
        call.outcome = 'done';
      },
      (error: Error) => {
        call.outcome = error.message;
      },
    );
    return call;
  }

  lease(name: string, version = LATEST): Lease {
    return this.catalog.lease(name, version);
  }

  /** What the index says: `1 READY`, `2 UNAVAILABLE: reason`, the reason of the whole first. */
  index(name: string): string[] {
    const reason = this.catalog.reason(name);
    const rows = this.catalog
      .versions(name)
      .map((row) => `${row.version} ${row.state}${row.reason === '' ? '' : `: ${row.reason}`}`);
    return reason === '' ? rows : [reason, ...rows];
  }

  /** Numbers of the contents that are served, by version. */
  contents(name: string): Record<number, number> {
    return Object.fromEntries(
      this.catalog
        .versions(name)
        .flatMap(({ version, serving }) =>
          serving === null ? [] : [[version, answeringOf(serving).content.number]],
        ),
    );
  }

  /** Instances that a version is served with. */
  instances(name: string, version = LATEST): number {
    return executorsOf(this.catalog.find(name, version).executors).length;
  }

  /** `event` or `version event` of all that happened to a model. */
  history(name: string): string[] {
    return this.manager
      .history(name)
      .map(({ version, event }) => (version === null ? event : `${version} ${event}`));
  }

  #config(name: string, changes: Partial<Setup>): string {
    const setup = { ...this.#defaults(), ...this.#setups.get(name), ...changes };
    this.#setups.set(name, setup);
    return toText(setup);
  }

  #defaults(): Setup {
    return {
      marker: ++this.#marker,
      instances: 1,
      versions: { latest: 1 },
      reload: null,
      session: 0,
      labels: false,
      warmUp: false,
      broken: 'no',
    };
  }
}

/** A server in explicit mode that has loaded version 1 of `m`. */
export async function serving(options: Partial<HarnessOptions> = {}): Promise<Harness> {
  const server = new Harness(options);
  server.write('m', { 1: 'good' });
  await server.start();
  const load = server.load('m');
  await server.seconds(2);
  if (load.outcome !== 'done') throw new Error(load.outcome);
  return server;
}
