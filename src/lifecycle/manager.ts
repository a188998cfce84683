import { repositoryErrors } from '../errors/catalogue.js';
import { ServingError } from '../errors/serving-error.js';
import { sleep } from '../lib/clock.js';
import { FindingsError, formatFinding } from '../model-config/findings.js';
import type { ListedModel, Listing, Store } from '../repository/store.js';
import { LIMITS } from '../settings/limits.js';
import type { ControlMode, LifecycleSettings } from '../settings/settings.js';
import type { AspireResult } from './aspiration.js';
import { quietInNs } from './assess-changes.js';
import type { LoadOptions, RepositoryControl } from './control.js';
import type { Generation } from './generation.js';
import type { HistoryEntry } from './history.js';
import { rejectionReason } from './load-reason.js';
import { type LifecycleContext, ModelLifecycle } from './model-lifecycle.js';
import { ChangedWhileReadError, readArchived, readGeneration } from './read-generation.js';
import { type Handling, RepositoryLoop } from './repository-loop.js';

export interface ManagerOptions extends LifecycleContext {
  readonly store: Store;
  readonly settings: LifecycleSettings;
  readonly modelLoadThreads: number;
  /** Told after each look at the repositories which folders of models are there. */
  onFolders(directories: readonly string[]): void;
}

/** What a client wants of a model. */
interface Intent {
  /** A load of what lies in the repository: two of them want the same. */
  readonly plain: boolean;
  readonly done: Promise<void>;
}

/**
 * All models: knows what shall be served, from the repositories or from requests, and tells the lifecycle
 * of each model.
 */
export class ModelManager implements RepositoryControl {
  readonly mode: ControlMode;
  readonly #options: ManagerOptions;
  readonly #lifecycles = new Map<string, ModelLifecycle>();
  /** The newest of each model. */
  readonly #intents = new Map<string, Intent>();
  /** What lies in the repository, as it was read last: ids of generations by model. */
  readonly #inRepository = new Map<string, string>();
  /** Models that were rolled back: what lies in the repository is not to be served until it changes. */
  readonly #rolledBack = new Set<string>();
  readonly #loop: RepositoryLoop;
  readonly #aspiring = new Set<Promise<unknown>>();
  #stopping = false;

  constructor(options: ManagerOptions) {
    const { store, clock, log, metrics, settings, modelLoadThreads } = options;
    this.#options = options;
    this.mode = settings.controlMode;
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

  /** Loads what is to be loaded at start, `listing` being what is there; in poll mode goes on looking. Never rejects because of a model. */
  async start(listing: Listing): Promise<void> {
    const { settings } = this.#options;
    await this.#loop.settle(LIMITS.settleWaitMs * 1e6, listing);
    for (const name of settings.loadModels ?? []) {
      if (this.mode !== 'explicit' || this.#lifecycles.has(name)) continue;
      this.#lifecycle(name).reject('failed to poll from model repository: there is no such model');
    }
    await Promise.all(this.#aspiring);
    if (this.mode === 'poll') this.#loop.run();
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
    return this.#options.store.names();
  }

  history(name: string): readonly HistoryEntry[] {
    return this.#options.chronicle.of(name);
  }

  async load(name: string, options: LoadOptions): Promise<void> {
    const plain = options.config === null && options.files.size === 0 && !options.rollback;
    await this.#pursue(name, plain, async (isNewest) => {
      const generation = options.rollback
        ? await this.#previous(name)
        : await this.#requested(name, options, isNewest);
      if (!isNewest()) return { kind: 'superseded' };
      if (options.rollback) this.#rolledBack.add(name);
      else this.#rolledBack.delete(name);
      const why = options.rollback ? 'roll back requested' : 'load requested';
      return this.#lifecycle(name).aspire(generation, why);
    });
  }

  async unload(name: string): Promise<void> {
    await this.#pursue(name, false, async (isNewest) => {
      const lifecycle = this.#lifecycles.get(name);
      if (lifecycle === undefined) return { kind: 'served' };
      const patience = sleep(this.#options.clock, LIMITS.unloadWaitMs * 1e6).then(() => null);
      const result = await Promise.race([lifecycle.release('unload requested'), patience]);
      if (result === null) throw repositoryErrors.unloadUnfinished(name, lifecycle.loadedVersions);
      if (result === 'unloaded' && isNewest()) {
        await this.#options.store.release(name);
        await this.#forgetIfGone(name);
      }
      return { kind: result === 'unloaded' ? 'served' : 'superseded' };
    });
  }

  /** Carries out what a client wants, unless something newer is wanted meanwhile. */
  #pursue(
    name: string,
    plain: boolean,
    carryOut: (isNewest: () => boolean) => Promise<AspireResult>,
  ): Promise<void> {
    const isNewest = (): boolean => this.#intents.get(name) === intent;
    const run = async (): Promise<void> => {
      // Only when it is registered as the newest.
      await Promise.resolve();
      let result: AspireResult;
      try {
        result = await carryOut(isNewest);
      } catch (error) {
        if (isNewest() || !plain) throw error;
        result = { kind: 'superseded' };
      }
      const newest = this.#intents.get(name);
      if (isNewest()) this.#intents.delete(name);
      if (result.kind === 'failed') throw repositoryErrors.loadFailed(name, result.versions);
      if (result.kind === 'served') return;
      if (plain && newest?.plain === true && newest !== intent) return newest.done;
      throw repositoryErrors.outdated();
    };
    const intent: Intent = { plain, done: run() };
    this.#intents.set(name, intent);
    return intent.done;
  }

  async #requested(name: string, options: LoadOptions, isNewest: () => boolean): Promise<Generation> {
    const { store } = this.#options;
    const overridden = options.config !== null;
    try {
      const listed =
        options.files.size > 0 ? await store.put(name, options.files) : await this.#findQuiet(name, isNewest);
      if (listed === null) throw repositoryErrors.notInRepository(name);
      return await this.#read(listed, overridden ? options.config : null);
    } catch (error) {
      if (error instanceof ServingError) throw error;
      const reason = rejectionReason(error);
      // An override is gone with its request; what lies in the repository is to be seen in the index.
      if (!overridden && isNewest()) this.#lifecycle(name).reject(reason);
      throw isWithoutVersion(error)
        ? repositoryErrors.noVersion(name)
        : repositoryErrors.notInRepository(name, reason);
    }
  }

  /** The model when its files have been left alone for long enough. */
  async #findQuiet(name: string, isNewest: () => boolean): Promise<ListedModel | null> {
    const { store, clock, settings } = this.#options;
    const endNs = clock.nowNs() + LIMITS.settleWaitMs * 1e6;
    let listed = await store.find(name);
    let sinceNs = clock.nowNs();
    while (listed !== null && isNewest()) {
      const now = { nowNs: clock.nowNs(), wallMs: clock.wallMs(), settleNs: settings.settleMs * 1e6 };
      const waitNs = Math.min(
        quietInNs(listed.changedMs, now),
        Math.max(0, sinceNs + now.settleNs - now.nowNs),
      );
      if (waitNs === 0) break;
      if (now.nowNs + waitNs > endNs) throw new Error('its files keep changing');
      await sleep(clock, waitNs);
      const before: ListedModel = listed;
      listed = await store.find(name);
      if (listed?.signature !== before.signature) sinceNs = clock.nowNs();
    }
    return listed;
  }

  async #read(listed: ListedModel, override: string | null): Promise<Generation> {
    const { store, clock, settings, log } = this.#options;
    const generation = await readGeneration(store, listed, {
      configName: settings.configName,
      override,
      origin: override === null ? 'repository' : 'override',
      wallMs: clock.wallMs(),
    });
    for (const warning of generation.source.warnings) {
      log.warn({ model: listed.name }, formatFinding(warning));
    }
    return generation;
  }

  /** What was served before what is: loaded still, or kept on disk. */
  async #previous(name: string): Promise<Generation> {
    const { archive, settings, clock } = this.#options;
    const lifecycle = this.#lifecycles.get(name);
    const served = lifecycle?.served?.id ?? '';
    const kept = lifecycle?.kept() ?? null;
    if (kept !== null && kept.id !== served) return kept;
    const archived = (await archive.list(name)).find(({ id }) => id !== served);
    if (archived === undefined) throw repositoryErrors.noRollback(name);
    return readArchived(archived, { configName: settings.configName, wallMs: clock.wallMs() });
  }

  /** Deals with a model that has changed in the repository. */
  async #changed(listed: ListedModel): Promise<Handling> {
    const { name } = listed;
    const lifecycle = this.#lifecycle(name);
    let generation: Generation;
    try {
      generation = await this.#read(listed, null);
    } catch (error) {
      if (error instanceof ChangedWhileReadError || this.#stopping) return 'soon';
      lifecycle.reject(rejectionReason(error));
      // What can't be read for a reason outside the configuration may be readable the next time.
      return error instanceof FindingsError ? 'handled' : 'later';
    }
    if (this.#stopping || this.#intents.has(name)) return 'soon';
    const isNew = this.#inRepository.get(name) !== generation.id;
    this.#inRepository.set(name, generation.id);
    if (this.#rolledBack.has(name) && !isNew) return 'handled';
    this.#rolledBack.delete(name);
    if (generation.id !== lifecycle.aspired?.id || lifecycle.failing) {
      const aspiring = lifecycle.aspire(generation, 'found in the repository');
      this.#aspiring.add(aspiring);
      void aspiring.then(() => this.#aspiring.delete(aspiring));
    }
    return 'handled';
  }

  #gone(name: string): void {
    const lifecycle = this.#lifecycles.get(name);
    if (lifecycle === undefined || this.#stopping) return;
    void lifecycle.release('its folder is gone').then((result) => {
      if (result === 'unloaded') this.#forget(name);
    });
  }

  async #forgetIfGone(name: string): Promise<void> {
    const names = await this.#options.store.names().catch(() => [name]);
    if (!names.includes(name) && this.#lifecycles.get(name)?.ended === true) this.#forget(name);
  }

  #forget(name: string): void {
    this.#lifecycles.delete(name);
    this.#inRepository.delete(name);
    this.#rolledBack.delete(name);
    this.#options.catalog.forget(name);
    void this.#options.store.release(name).catch(() => {});
    this.#options.metrics.forget(name);
  }

  #lifecycle(name: string): ModelLifecycle {
    const known = this.#lifecycles.get(name);
    if (known !== undefined) return known;
    const lifecycle = new ModelLifecycle(name, this.#options);
    this.#lifecycles.set(name, lifecycle);
    return lifecycle;
  }
}

/** Triton tells of a model without a version to serve in other words than of other mistakes. */
function isWithoutVersion(error: unknown): boolean {
  return (
    error instanceof FindingsError &&
    error.findings.some(({ message }) => message.startsWith('at least one version must be available'))
  );
}
