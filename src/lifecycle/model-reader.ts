import { repositoryErrors } from '../errors/catalogue.js';
import { type Clock, sleep } from '../lib/clock.js';
import { formatFinding } from '../model-config/findings.js';
import type { Archive, ListedModel, Store } from '../repository/store.js';
import { LIMITS } from '../settings/limits.js';
import type { LifecycleSettings } from '../settings/settings.js';
import type { Log } from '../telemetry/log.js';
import { askStore } from './ask-store.js';
import { quietInNs } from './assess-changes.js';
import type { Generation } from './generation.js';
import { ChangedWhileReadError, type ReadOptions, readArchived, readGeneration } from './read-generation.js';

/** Why a model is not read. */
export const KEEPS_CHANGING = 'its files keep changing';

export interface ModelReaderOptions {
  readonly store: Store;
  readonly archive: Archive;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: Pick<LifecycleSettings, 'configName' | 'settleMs'>;
}

/**
 * Reads models: those that lie in the store, those that clients send, and those that were served before.
 * All methods reject like {@link readGeneration}.
 */
export class ModelReader {
  readonly #options: ModelReaderOptions;

  constructor(options: ModelReaderOptions) {
    this.#options = options;
  }

  /** A model that was listed. */
  async read(listed: ListedModel, how: Pick<ReadOptions, 'override' | 'sent'>): Promise<Generation> {
    const { store, clock, settings, log } = this.#options;
    const generation = await readGeneration(store, listed, {
      ...how,
      configName: settings.configName,
      origin: how.override === null ? 'repository' : 'override',
      clock,
    });
    for (const warning of generation.source.warnings) {
      log.warn({ model: listed.name }, formatFinding(warning));
    }
    return generation;
  }

  /** A model made of files that a client sent. */
  async readSent(
    name: string,
    files: ReadonlyMap<string, Uint8Array>,
    override: string | null,
  ): Promise<Generation> {
    return this.read(await this.#options.store.put(name, files), { override, sent: true });
  }

  /**
   * A model when its files have been left alone for long enough, again when they were not; null when it is
   * not the newest intent any more. Rejects with ServingError when there is no such model.
   */
  async readQuiet(
    name: string,
    override: string | null,
    isNewest: () => boolean,
  ): Promise<Generation | null> {
    const { clock } = this.#options;
    const endNs = clock.nowNs() + LIMITS.settleWaitMs * 1e6;
    for (;;) {
      const listed = await this.#findQuiet(name, endNs, isNewest);
      if (!isNewest()) return null;
      if (listed === null) throw repositoryErrors.notInRepository(name);
      try {
        return await this.read(listed, { override, sent: false });
      } catch (error) {
        if (!(error instanceof ChangedWhileReadError) || clock.nowNs() >= endNs) throw error;
      }
    }
  }

  /** What was served last of a model, other than `wanted`. Rejects with ServingError when nothing was. */
  async readKept(name: string, wanted: string): Promise<Generation> {
    const { archive, settings, clock } = this.#options;
    const archived = (await archive.list(name)).find(({ id }) => id !== wanted);
    if (archived === undefined) throw repositoryErrors.noRollback(name);
    return readArchived(archived, { configName: settings.configName, clock });
  }

  async #findQuiet(name: string, endNs: number, isNewest: () => boolean): Promise<ListedModel | null> {
    const { store, clock, settings } = this.#options;
    let listed = await askStore(clock, store.find(name));
    let sinceNs = clock.nowNs();
    while (listed !== null && isNewest()) {
      const now = { nowNs: clock.nowNs(), wallMs: clock.wallMs(), settleNs: settings.settleMs * 1e6 };
      const waitNs = Math.min(
        quietInNs(listed.changedMs, now),
        Math.max(0, sinceNs + now.settleNs - now.nowNs),
      );
      if (waitNs === 0) break;
      if (now.nowNs + waitNs > endNs) throw new Error(KEEPS_CHANGING);
      await sleep(clock, waitNs);
      const before: ListedModel = listed;
      listed = await askStore(clock, store.find(name));
      if (listed?.signature !== before.signature) sinceNs = clock.nowNs();
    }
    return listed;
  }
}
