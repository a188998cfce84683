import { dirname, join, resolve } from 'node:path';
import type { Clock, Timer } from '../../lib/clock.js';
import { invariant } from '../../lib/invariant.js';
import type { Recipe } from '../../quantize/recipe.js';
import { treesOf } from '../../repository/archived-model.js';
import { Holds } from '../../repository/holds.js';
import { placeFiles, writeFiles } from '../../repository/sent-files.js';
import type {
  Archive,
  ArchivedModel,
  FetchedFiles,
  FetchedVersion,
  ListedModel,
  Listing,
  Store,
} from '../../repository/store.js';
import { treeOf } from '../../repository/tree.js';
import type { Log } from '../../telemetry/log.js';
import type { FoundArtifact, SamplePlaces } from '../build/locate-samples.js';
import { PreparePool } from './prepare-pool.js';

/** The start comes first. */
const FIRST_TEND_NS = 5e9;

/** Several times within the hour after which other servers take what was not touched for abandoned. */
const TEND_NS = 600e9;

export interface ThreadedStoreOptions {
  readonly repositories: readonly string[];
  /** Folder of the copies that models are served from; null = serve from the repositories themselves. */
  readonly artifactCache: string | null;
  readonly cacheBytesMax?: number;
  /** See `StorePlaces`. */
  readonly server?: string;
  /** Absolute paths of the model files that instances have been loaded from; they stay in the cache. */
  readonly loadedFiles?: () => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Absolute path of the thread's entry; given by tests only. */
  readonly entry?: string;
}

/**
 * Model repositories behind a thread of low priority, which does all looking, reading, hashing and
 * copying. A call that the thread dies of rejects; the next one finds a new thread.
 */
export class ThreadedStore implements Store {
  readonly archive: Archive;
  readonly #cache: string | null;
  readonly #clock: Clock;
  readonly #pool: PreparePool;
  readonly #loadedFiles: () => readonly string[];
  /** Kept here too, for a thread that takes the place of one that died. */
  readonly #holds = new Holds();
  /** As the listing before had them. */
  #listed: ReadonlyMap<string, ListedModel> = new Map();
  #canRestorePriority: Promise<boolean> | null = null;
  #timer: Timer | null = null;

  constructor({ repositories, artifactCache, clock, log, ...options }: ThreadedStoreOptions) {
    const { cacheBytesMax, server, loadedFiles = () => [], entry } = options;
    this.#cache = artifactCache === null ? null : resolve(artifactCache);
    this.#clock = clock;
    this.#loadedFiles = loadedFiles;
    this.#pool = new PreparePool({
      places: () => ({
        repositories,
        artifactCache: this.#cache,
        ...(cacheBytesMax !== undefined && { cacheBytesMax }),
        ...(server !== undefined && { server }),
        held: this.#holds.snapshot(),
      }),
      log,
      ...(entry !== undefined && { entry }),
    });
    this.archive = { save: (model) => this.#save(model), list: (name) => this.#generations(name) };
    if (this.#cache !== null) this.#tendIn(FIRST_TEND_NS);
  }

  names(): Promise<readonly string[]> {
    return this.#pool.ask({ kind: 'names' });
  }

  async list(): Promise<Listing> {
    const { models, unreadable } = await this.#pool.ask({ kind: 'list' });
    const before = this.#listed;
    const complete = models.map((model) => {
      if (typeof model !== 'string') return model;
      const same = before.get(model);
      invariant(same !== undefined, `model '${model}' was listed before`);
      return same;
    });
    this.#listed = new Map(complete.map((model) => [model.name, model]));
    return { models: complete, unreadable };
  }

  find(name: string): Promise<ListedModel | null> {
    return this.#pool.ask({ kind: 'find', name });
  }

  async fetchFiles(model: ListedModel): Promise<FetchedFiles> {
    const files = await this.#pool.ask({ kind: 'fetchFiles', model });
    this.#fetched(model, 'files', files.directory);
    return files;
  }

  async fetchVersion(model: ListedModel, version: number): Promise<FetchedVersion> {
    const fetched = await this.#pool.ask({ kind: 'fetchVersion', model, version });
    this.#fetched(model, String(version), fetched.directory);
    return fetched;
  }

  mend(name: string, version: number, directory: string): Promise<boolean> {
    return this.#pool.ask({ kind: 'mend', name, version, directory });
  }

  /** The files are written by this thread's asynchronous calls: to send them would copy them. */
  async put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<ListedModel> {
    const placed = placeFiles(name, files);
    const repository = await this.#pool.ask({ kind: 'openSent', name });
    await writeFiles(join(repository, name), placed);
    return this.#pool.ask({ kind: 'listSent', name, repository });
  }

  /**
   * To be told that a model is not served any more: its copies may go when room is needed, and those of
   * files that clients sent go at once.
   */
  async release(name: string): Promise<void> {
    this.#holds.release(name);
    await this.#pool.ask({ kind: 'release', name });
  }

  /**
   * What was made by a recipe on this machine, null when nobody has tried to make it; and the recipe with
   * the hash of its samples. Rejects with an Error for people when these can't be read.
   */
  artifact(recipe: Recipe, samples: SamplePlaces | null): Promise<FoundArtifact> {
    return this.#pool.ask({ kind: 'artifact', recipe, samples });
  }

  /** Says that what was made by a recipe can't be used. */
  async discardArtifact(recipe: Recipe): Promise<void> {
    await this.#pool.ask({ kind: 'discardArtifact', recipe });
  }

  /** Whether a thread that lowered its priority may raise it again; false where threads have none of their own. */
  canRestorePriority(): Promise<boolean> {
    this.#canRestorePriority ??= this.#pool.ask({ kind: 'priority' }).catch((error: unknown) => {
      this.#canRestorePriority = null;
      throw error;
    });
    return this.#canRestorePriority;
  }

  /** Has fetches reject from now on, those under way too: nobody is to wait for a large model to be copied. */
  stopReading(): void {
    // A thread that has died reads nothing.
    this.#pool.ask({ kind: 'stopReading' }).catch(() => {});
  }

  /** Waits for what is running, then ends the thread. Later calls reject. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#pool.close();
  }

  async #save(model: ArchivedModel): Promise<void> {
    await this.#pool.ask({ kind: 'save', model, loaded: this.#loadedTrees() });
    const trees = this.#cache === null ? null : treesOf(model, this.#cache);
    if (trees !== null) this.#holds.saved(model.folder.name, trees);
  }

  #generations(name: string): Promise<readonly ArchivedModel[]> {
    return this.#pool.ask({ kind: 'generations', name });
  }

  #fetched({ name }: ListedModel, part: string, directory: string): void {
    const tree = this.#cache === null ? null : treeOf(this.#cache, directory);
    if (tree !== null) this.#holds.fetched(name, part, tree);
  }

  #loadedTrees(): string[] {
    const cache = this.#cache;
    if (cache === null) return [];
    const trees = this.#loadedFiles().map((file) => treeOf(cache, dirname(file)));
    return [...new Set(trees.filter((tree) => tree !== null))];
  }

  #tendIn(delayNs: number): void {
    this.#timer = this.#clock.setTimer(delayNs, () => {
      this.#tendIn(TEND_NS);
      // Nothing depends on it: what failed is tried again.
      this.#pool.ask({ kind: 'tend', loaded: this.#loadedTrees() }).catch(() => {});
    });
  }
}
