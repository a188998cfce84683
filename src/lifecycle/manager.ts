import { repositoryErrors, serverErrors } from '../errors/catalogue.js';
import { ServingError } from '../errors/serving-error.js';
import { FindingsError } from '../model-config/findings.js';
import type { ListedModel, Listing, Store } from '../repository/store.js';
import { LIMITS } from '../settings/limits.js';
import type { ControlMode, LifecycleSettings } from '../settings/settings.js';
import { askStore, StoreError } from './ask-store.js';
import type { AspireResult } from './aspiration.js';
import type { LoadOptions, RepositoryControl } from './control.js';
import type { Generation } from './generation.js';
import type { HistoryEntry } from './history.js';
import { Intents } from './intents.js';
import type { LifecycleContext } from './lifecycle-context.js';
import { LiveQuantizations } from './live-quantizations.js';
import { loadRefusal, rejectionReason } from './load-reason.js';
import { ModelLifecycle } from './model-lifecycle.js';
import { KEEPS_CHANGING, ModelReader } from './model-reader.js';
import { prepareAhead } from './prepare-ahead.js';
import { ChangedWhileReadError } from './read-generation.js';
import { type Handling, RepositoryLoop } from './repository-loop.js';

export interface ManagerOptions extends LifecycleContext {
  readonly store: Store;
  readonly settings: LifecycleSettings;
  readonly modelLoadThreads: number;
  /** Whether the start takes a model for failed only when no try is left. */
  readonly startsAfterRetries?: boolean;
  /** Told after each look at the repositories which folders of models are there. */
  onFolders(directories: readonly string[]): void;
}

/**
 * All models: knows what shall be served, from the repositories or from requests, and tells the lifecycle
 * of each model.
 */
export class ModelManager implements RepositoryControl {
  readonly mode: ControlMode;
  readonly #options: ManagerOptions;
  readonly #lifecycles = new Map<string, ModelLifecycle>();
  readonly #intents = new Intents();
  /** What lies in the repository, as it was read last: ids of generations by model. */
  readonly #inRepository = new Map<string, string>();
  /** Models that were rolled back: what lies in the repository is not to be served until it changes. */
  readonly #rolledBack = new Set<string>();
  /** Models whose folders are gone and that are being unloaded. */
  readonly #leaving = new Set<string>();
  /** Models that are being read because they have changed in the repository. */
  readonly #reading = new Set<string>();
  readonly #loop: RepositoryLoop;
  readonly #reader: ModelReader;
  readonly #live: LiveQuantizations;
  #stopping = false;

  constructor(options: ManagerOptions) {
    const { store, clock, log, metrics, settings, modelLoadThreads } = options;
    this.#options = options;
    this.mode = settings.controlMode;
    this.#reader = new ModelReader(options);
    this.#live = new LiveQuantizations({ ...options, lifecycleOf: (name) => this.#lifecycles.get(name) });
    const named = settings.controlMode === 'explicit' ? settings.loadModels : null;
    this.#loop = new RepositoryLoop({
      store,
      clock,
      log,
      metrics,
      pollNs: settings.pollSecs * 1e9,
      settleNs: settings.settleMs * 1e6,
      readsMax: modelLoadThreads,
      isIncluded: (name) => named === null || named.includes(name),
      onChanged: (model) => this.#changed(model),
      onGone: (name) => this.#gone(name),
      onFolders: (directories) => options.onFolders(directories),
    });
  }

  /** Whether something that shall be served could not be loaded. */
  get anyFailing(): boolean {
    return [...this.#lifecycles.values()].some(({ failing }) => failing);
  }

  /**
   * Loads what is to be loaded at start, `listing` being what is there; in poll mode goes on looking.
   * Never rejects because of a model. Models whose files keep changing are waited for where nobody would
   * look at them later.
   */
  async start(listing: Listing): Promise<void> {
    const { settings, startsAfterRetries = false } = this.#options;
    const { settleWaitMs } = LIMITS;
    const patienceMs = this.mode === 'poll' ? Math.min(2 * settings.settleMs, settleWaitMs) : settleWaitMs;
    const unsettled = await this.#loop.settle(patienceMs * 1e6, listing);
    if (this.#stopping) return;
    if (this.mode !== 'poll') for (const name of unsettled) this.#giveUp(name, KEEPS_CHANGING);
    if (this.mode === 'explicit') {
      const reason = 'failed to poll from model repository: there is no such model';
      for (const name of settings.loadModels ?? []) this.#giveUp(name, reason);
    }
    const lifecycles = [...this.#lifecycles.values()];
    await Promise.all(lifecycles.map((lifecycle) => lifecycle.tried({ retried: startsAfterRetries })));
    for (const lifecycle of lifecycles) if (lifecycle.failing) lifecycle.require();
    if (this.mode === 'poll') this.#loop.run();
  }

  /** Says why a model is not there, unless something is known of it. */
  #giveUp(name: string, reason: string): void {
    const lifecycle = this.#lifecycle(name);
    if (lifecycle.aspired === null && !lifecycle.failing) lifecycle.reject(reason);
  }

  /** Looks at the repositories soon; in poll mode only. */
  hint(): void {
    this.#loop.hint();
  }

  /** Unloads everything. Requests must have been answered before. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#loop.stop();
    await Promise.all(
      [...this.#lifecycles.values()].map((lifecycle) => lifecycle.release('the server stops')),
    );
  }

  names(): Promise<readonly string[]> {
    return askStore(this.#options.clock, this.#options.store.names());
  }

  history(name: string): readonly HistoryEntry[] {
    return this.#options.chronicle.of(name);
  }

  async load(name: string, options: LoadOptions): Promise<void> {
    const plain = options.config === null && options.files.size === 0 && !options.rollback;
    await this.#intents.pursue(name, plain, async (isNewest) => {
      const generation = options.rollback
        ? await this.#previous(name)
        : await this.#requested(name, options, isNewest);
      if (this.#stopping) throw serverErrors.exiting();
      if (generation === null || !isNewest()) return { kind: 'superseded' };
      // In this mode nobody could have it unloaded again.
      if (this.mode === 'poll' && !this.#isThere(name)) throw repositoryErrors.notInRepository(name);
      if (options.rollback) return this.#rollBack(name, generation, isNewest);
      this.#rolledBack.delete(name);
      return this.#lifecycle(name).aspire(generation, 'load requested');
    });
  }

  /** A roll back that fails leaves all as it was. */
  async #rollBack(name: string, generation: Generation, isNewest: () => boolean): Promise<AspireResult> {
    const lifecycle = this.#lifecycle(name);
    const before = lifecycle.aspired;
    const wasRolledBack = this.#rolledBack.has(name);
    this.#rolledBack.add(name);
    const result = await lifecycle.aspire(generation, 'roll back requested');
    if (result.kind === 'failed' && isNewest() && !this.#stopping) {
      if (!wasRolledBack) this.#rolledBack.delete(name);
      if (before !== null) void lifecycle.aspire(before, 'the roll back failed');
    }
    return result;
  }

  async unload(name: string): Promise<void> {
    await this.#intents.pursue(name, false, async (isNewest) => {
      const lifecycle = this.#lifecycles.get(name);
      if (lifecycle === undefined) return { kind: 'served' };
      const endNs = this.#options.clock.nowNs() + LIMITS.unloadWaitMs * 1e6;
      const result = await this.#released(lifecycle);
      if (result === 'unloaded' && isNewest()) await this.#letGo(name, isNewest, endNs);
      return { kind: result === 'unloaded' ? 'served' : 'superseded' };
    });
  }

  /** Has a model unloaded, but does not wait for ever. */
  #released(lifecycle: ModelLifecycle): Promise<'unloaded' | 'superseded'> {
    return new Promise((resolve, reject) => {
      const patience = this.#options.clock.setTimer(LIMITS.unloadWaitMs * 1e6, () =>
        reject(repositoryErrors.unloadUnfinished(lifecycle.name, lifecycle.loadedVersions)),
      );
      void lifecycle.release('unload requested').then((result) => {
        patience.cancel();
        resolve(result);
      });
    });
  }

  /** The generation that a request asks for; null when something newer is wanted. */
  async #requested(name: string, options: LoadOptions, isNewest: () => boolean): Promise<Generation | null> {
    try {
      if (options.files.size > 0) {
        return await this.#prepared(await this.#reader.readSent(name, options.files, options.config));
      }
      const generation = await this.#reader.readQuiet(name, options.config, isNewest);
      return generation && (await this.#prepared(generation));
    } catch (error) {
      if (error instanceof ServingError) throw error;
      if (error instanceof StoreError) throw repositoryErrors.notInRepository(name, error.message);
      // An override is gone with its request; what lies in the repository is to be seen in the index.
      const isOverride = options.config !== null || options.files.size > 0;
      if (!isOverride && isNewest() && !this.#stopping) {
        this.#lifecycle(name).reject(rejectionReason(error));
      }
      throw loadRefusal(name, error);
    }
  }

  async #prepared(generation: Generation): Promise<Generation> {
    if (this.#lifecycles.has(generation.name)) await prepareAhead(this.#options, generation);
    return generation;
  }

  /** What was served before what is wanted now: loaded still, or kept on disk. */
  async #previous(name: string): Promise<Generation> {
    const lifecycle = this.#lifecycles.get(name);
    return lifecycle?.previous ?? this.#reader.readKept(name, lifecycle?.aspired?.id ?? '');
  }

  /** Deals with a model that has changed in the repository. */
  async #changed(listed: ListedModel): Promise<Handling> {
    const { name } = listed;
    this.#lifecycle(name);
    this.#reading.add(name);
    try {
      return await this.#take(listed);
    } finally {
      this.#reading.delete(name);
      this.#forgetIfLeft(name);
    }
  }

  async #take(listed: ListedModel): Promise<Handling> {
    const { name } = listed;
    if (this.#intents.has(name)) return 'soon';
    let generation: Generation;
    try {
      generation = await this.#prepared(await this.#reader.read(listed, { override: null, sent: false }));
    } catch (error) {
      if (error instanceof ChangedWhileReadError || this.#stopping) return 'soon';
      if (error instanceof StoreError) return 'later';
      this.#leaving.delete(name);
      this.#lifecycle(name).reject(rejectionReason(error));
      // What can't be read for a reason outside the configuration may be readable the next time.
      return error instanceof FindingsError ? 'handled' : 'later';
    }
    if (this.#stopping || this.#intents.has(name)) return 'soon';
    const isNew = this.#inRepository.get(name) !== generation.id;
    this.#inRepository.set(name, generation.id);
    if (this.#rolledBack.has(name) && !isNew) return 'handled';
    this.#rolledBack.delete(name);
    this.#leaving.delete(name);
    const lifecycle = this.#lifecycle(name);
    if (generation.id !== lifecycle.aspired?.id || lifecycle.failing) {
      void lifecycle.aspire(generation, 'found in the repository');
    }
    return 'handled';
  }

  #gone(name: string): void {
    const lifecycle = this.#lifecycles.get(name);
    if (lifecycle === undefined || this.#stopping) return;
    this.#leaving.add(name);
    this.#inRepository.delete(name);
    this.#rolledBack.delete(name);
    void lifecycle.release('its folder is gone').then(() => this.#forgetIfLeft(name));
  }

  #isThere(name: string): boolean {
    return this.#lifecycles.has(name) && !this.#leaving.has(name);
  }

  /** Forgets a model whose folder is gone, once nothing of it is loaded, unless it is just coming back. */
  #forgetIfLeft(name: string): void {
    const ended = this.#lifecycles.get(name)?.ended ?? false;
    if (this.#leaving.has(name) && ended && !this.#reading.has(name)) this.#forget(name);
  }

  /**
   * A client has had a model unloaded: what only it needs may go, and it is forgotten if it has no folder.
   * The client waits for a store that does not answer until `endNs`, no longer.
   */
  async #letGo(name: string, isNewest: () => boolean, endNs: number): Promise<void> {
    const { store, clock } = this.#options;
    const leftNs = (): number => Math.min(LIMITS.storeWaitMs * 1e6, endNs - clock.nowNs());
    const names = await askStore(clock, store.names(), leftNs()).catch(() => [name]);
    if (!isNewest() || this.#lifecycles.get(name)?.ended !== true) return;
    if (!names.includes(name)) this.#forget(name);
    else await askStore(clock, this.#releaseFiles(name), leftNs()).catch(() => {});
  }

  #forget(name: string): void {
    this.#leaving.delete(name);
    this.#lifecycles.delete(name);
    this.#inRepository.delete(name);
    this.#rolledBack.delete(name);
    this.#options.catalog.forget(name);
    this.#options.metrics.forget(name);
    void this.#releaseFiles(name);
  }

  async #releaseFiles(name: string): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.release(name);
    } catch (error) {
      log.warn({ model: name, err: error }, 'what an unloaded model needed on disk could not be given back');
    }
  }

  #lifecycle(name: string): ModelLifecycle {
    const known = this.#lifecycles.get(name);
    if (known !== undefined) return known;
    const lifecycle = new ModelLifecycle(name, {
      ...this.#options,
      onSampled: (sampled) => void this.#live.sampled(sampled),
    });
    this.#lifecycles.set(name, lifecycle);
    return lifecycle;
  }
}
