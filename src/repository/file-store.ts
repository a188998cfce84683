import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { repositoryErrors, serverErrors } from '../errors/catalogue.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { LIMITS } from '../settings/limits.js';
import { PartFetcher } from './fetch-part.js';
import type { Holds } from './holds.js';
import { listModel, mergeModels, type PartName } from './listed-model.js';
import { isModelName, type OpenRepository } from './paths.js';
import { distinct, modelInstead, openRepository, readNames } from './repository.js';
import { removeTree } from './scratch.js';
import { placeFiles, writeFiles } from './sent-files.js';
import type { FetchedFiles, FetchedVersion, ListedModel, Listing, Store } from './store.js';
import { type Tree, treeOf } from './tree.js';
import type { TreeCache } from './tree-cache.js';

/** Models looked at without a break. */
const MODELS_PER_TURN = 32;

export interface FileStoreOptions {
  readonly repositories: readonly string[];
  /** null = models are served from the repositories themselves. */
  readonly cache: TreeCache | null;
  readonly holds: Holds;
  readonly clock: Clock;
  /** Takes a text for the log. */
  readonly warn: (text: string) => void;
}

/** Models in folders, copied into the cache when they are fetched. */
export class FileStore implements Store {
  readonly #repositories: readonly string[];
  readonly #cache: TreeCache | null;
  readonly #holds: Holds;
  readonly #fetcher: PartFetcher;
  readonly #warn: (text: string) => void;
  /** As each model was listed last: what has happened to it since, but not to its files, changes nothing. */
  readonly #listed = new Map<string, ListedModel>();
  /** Folders of what clients sent, newest last. */
  readonly #sent = new Map<string, string[]>();

  constructor({ repositories, cache, holds, clock, warn }: FileStoreOptions) {
    this.#repositories = repositories.map((directory) => resolve(directory));
    this.#cache = cache;
    this.#holds = holds;
    this.#warn = warn;
    this.#fetcher = new PartFetcher({ cache, clock, warn });
  }

  async names(): Promise<readonly string[]> {
    const names = this.#open().repositories.flatMap((repository) => {
      try {
        return readNames(repository).models;
      } catch {
        return [];
      }
    });
    return [...new Set(names)].sort();
  }

  async list(): Promise<Listing> {
    const { repositories, unreadable } = this.#open();
    const byName = new Map<string, ListedModel[]>();
    for (const repository of repositories) {
      try {
        for (const model of await listAll(repository)) {
          byName.set(model.name, [...(byName.get(model.name) ?? []), model]);
        }
      } catch (error) {
        unreadable.push({ repository: repository.directory, reason: reasonOf(error) });
      }
    }
    for (const name of this.#listed.keys()) {
      if (!byName.has(name)) this.#listed.delete(name);
    }
    const models = [...byName].sort(([a], [b]) => (a < b ? -1 : 1));
    return { models: models.flatMap(([, found]) => this.#settle(found) ?? []), unreadable };
  }

  async find(name: string): Promise<ListedModel | null> {
    if (!isModelName(name)) return null;
    const { repositories, unreadable } = this.#open();
    const found = repositories.flatMap((repository) => listModel(repository, name) ?? []);
    const [unread] = unreadable;
    if (found.length === 0 && unread !== undefined) throw new Error(unread.reason);
    return this.#settle(found);
  }

  async fetchFiles(model: ListedModel): Promise<FetchedFiles> {
    const { directory, files } = await this.#fetch(model, 'files');
    return { directory, hashes: new Map(files.map(({ path, hash }) => [path, hash])) };
  }

  async fetchVersion(model: ListedModel, version: number): Promise<FetchedVersion> {
    const { directory, hash } = await this.#fetch(model, version);
    return { directory, hash };
  }

  async mend(name: string, version: number, directory: string): Promise<boolean> {
    const hash = this.#cache === null ? null : treeOf(this.#cache.directory, directory);
    if (hash === null || (await this.#fetcher.check(hash))) return false;
    this.#warn(`the copy of version ${version} of model '${name}' in the artifact cache was damaged`);
    const model = await this.find(name);
    return model !== null && (await this.fetchVersion(model, version)).directory === directory;
  }

  async put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<ListedModel> {
    const placed = placeFiles(name, files);
    const repository = this.openSent(name);
    await writeFiles(join(repository, name), placed);
    return this.listSent(name, repository);
  }

  /**
   * The first half of `put`: a new repository for files that a client sent, to be written below its
   * folder `name`. Those of the same name that are too many are removed. Throws ServingError for a name
   * that is none.
   */
  openSent(name: string): string {
    if (!isModelName(name)) throw repositoryErrors.nameTraversal(name);
    const directory = this.#newFolder();
    const sent = [...(this.#sent.get(name) ?? []), directory];
    for (const old of sent.splice(0, Math.max(0, sent.length - LIMITS.sentModelsMax))) removeTree(old);
    this.#sent.set(name, sent);
    return directory;
  }

  /** The other half, once the files are written. */
  listSent(name: string, repository: string): ListedModel {
    const model = listModel(openRepository(repository), name);
    invariant(model !== null, 'what was sent has been written');
    return model;
  }

  /** Says that a model is not served any more: its files need not be kept but for a roll back. */
  async release(name: string): Promise<void> {
    this.#holds.release(name);
    for (const directory of this.#sent.get(name) ?? []) removeTree(directory);
    this.#sent.delete(name);
  }

  /** To be called every few minutes: what this process uses is said to be in use, what is left over goes. */
  tend(): void {
    this.#cache?.tend();
    this.#fetcher.tend();
  }

  /** Has fetches reject from now on, those under way too. */
  stopReading(): void {
    this.#fetcher.stop(serverErrors.exiting());
  }

  /** Removes what only this process could use. */
  close(): void {
    for (const directory of [...this.#sent.values()].flat()) removeTree(directory);
    this.#sent.clear();
    this.#cache?.close();
  }

  async #fetch(model: ListedModel, part: PartName): Promise<Tree> {
    const tree = await this.#fetcher.fetch(model, part);
    const hash = this.#cache === null ? null : treeOf(this.#cache.directory, tree.directory);
    if (hash !== null) this.#holds.fetched(model.name, String(part), hash);
    return tree;
  }

  #open(): { repositories: OpenRepository[]; unreadable: { repository: string; reason: string }[] } {
    const repositories: OpenRepository[] = [];
    const unreadable: { repository: string; reason: string }[] = [];
    for (const directory of distinct(this.#repositories)) {
      try {
        repositories.push(openRepository(directory));
      } catch (error) {
        unreadable.push({ repository: directory, reason: reasonOf(error) });
      }
    }
    return { repositories, unreadable };
  }

  /** One model of all that have the same name; null when there is none. */
  #settle([first, ...others]: readonly ListedModel[]): ListedModel | null {
    if (first === undefined) return null;
    const model = mergeModels(first, others);
    const before = this.#listed.get(model.name);
    if (before?.signature === model.signature) return before;
    this.#listed.set(model.name, model);
    return model;
  }

  #newFolder(): string {
    try {
      if (this.#cache !== null) {
        const directory = this.#cache.draft();
        mkdirSync(directory);
        return directory;
      }
    } catch {
      // The fetch that follows says what is wrong with the cache.
    }
    return mkdtempSync(join(tmpdir(), 'naiad-sent-'));
  }
}

/** Throws what `openRepository` throws. */
async function listAll(repository: OpenRepository): Promise<ListedModel[]> {
  const names = readNames(repository);
  const models: ListedModel[] = [];
  for (const [index, name] of names.models.entries()) {
    if (index % MODELS_PER_TURN === MODELS_PER_TURN - 1) await nextTurn();
    const model = listModel(repository, name);
    if (model !== null) models.push(model);
  }
  const folders = models.map(({ folder }) => folder);
  // A stray file does not make a repository with models another thing.
  const wrong = folders.some(({ versions }) => versions.length > 0)
    ? null
    : modelInstead(repository.directory, names, folders);
  if (wrong !== null) throw new Error(wrong);
  return models;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
