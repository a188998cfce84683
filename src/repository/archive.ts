import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import { toArchivedModel, treesOf } from './archived-model.js';
import { CacheError, writing } from './hash-files.js';
import type { Holds } from './holds.js';
import { isModelName } from './paths.js';
import { modifiedMs, namesIn, removeTree, touch } from './scratch.js';
import type { Archive, ArchivedModel } from './store.js';
import type { TreeCache } from './tree-cache.js';

export interface FileArchiveOptions {
  /** null = nothing is kept, since nothing keeps the files as they are. */
  readonly cache: TreeCache | null;
  /** Tells the server from all others that use the cache, and is the same after a restart. */
  readonly server: string;
  readonly repositories: readonly string[];
  readonly holds: Holds;
  readonly clock: Clock;
}

/** How long a server may be away and find its generations again. */
const HOMES_MS = 30 * 86_400_000;

/** The folder of a cache that tells what was served. */
const GENERATIONS = 'generations';

/** A generation and the file that tells of it. */
interface Entry {
  readonly path: string;
  /** The newest has the greatest. */
  readonly serial: number;
  readonly model: ArchivedModel;
}

/**
 * Generations as files of JSON in the cache, by server, repository and model. Servers that can't be told
 * apart write to the same; each file is written by one and only read or removed after that.
 */
export class FileArchive implements Archive {
  readonly #cache: TreeCache | null;
  readonly #server: string;
  readonly #clock: Clock;
  readonly #repositories: readonly string[];
  readonly #holds: Holds;

  constructor({ cache, server, repositories, holds, clock }: FileArchiveOptions) {
    this.#cache = cache;
    this.#server = server;
    this.#clock = clock;
    this.#repositories = repositories.map((directory) => resolve(directory));
    this.#holds = holds;
  }

  /** Does nothing where a folder is not in the cache. Rejects with an Error for people. */
  async save(model: ArchivedModel): Promise<void> {
    const cache = this.#cache;
    const { folder } = model;
    if (cache === null || !isModelName(folder.name)) return;
    const trees = treesOf(model, cache.directory);
    if (trees === null) return;
    this.#holds.saved(folder.name, trees);
    const served = new Set(model.versions.map(([version]) => version));
    const kept: ArchivedModel = {
      ...model,
      folder: { ...folder, versions: folder.versions.filter(({ version }) => served.has(version)) },
    };
    const directory = join(this.#homeOf(cache, this.#repositoryOf(folder.repository)), folder.name);
    const before = readEntries(directory);
    const serial = Math.max(0, ...before.map((entry) => entry.serial)) + 1;
    keeping(cache.directory, () => {
      const draft = cache.draft();
      writeFileSync(draft, JSON.stringify(kept));
      mkdirSync(directory, { recursive: true });
      renameSync(draft, join(directory, `${String(serial).padStart(10, '0')}-${randomUUID()}.json`));
    });
    removeOld(before, model.id);
  }

  async list(name: string): Promise<readonly ArchivedModel[]> {
    const cache = this.#cache;
    if (cache === null || !isModelName(name)) return [];
    const homes = [...new Set(this.#repositories)].map((repository) => this.#homeOf(cache, repository));
    const entries = homes.flatMap((home) => readEntries(join(home, name)));
    const found = new Map<string, ArchivedModel>();
    for (const { model } of entries.sort(homes.length === 1 ? bySerial : bySaving)) {
      if (found.size === LIMITS.generationsMax) break;
      if (!found.has(model.id) && (await isWhole(model, name, cache))) found.set(model.id, model);
    }
    return [...found.values()];
  }

  /** Says again that this server is there, and forgets what others have served that have not been for long. */
  tend(): void {
    const cache = this.#cache;
    if (cache === null) return;
    for (const repository of this.#repositories) touch(this.#homeOf(cache, repository), this.#clock);
    const homes = join(cache.directory, GENERATIONS);
    for (const home of namesIn(homes).map((name) => join(homes, name))) {
      if (this.#clock.wallMs() - modifiedMs(home) > HOMES_MS) removeTree(home);
    }
  }

  /** What a client sent is kept with the first repository. */
  #repositoryOf(repository: string): string {
    return this.#repositories.includes(repository) ? repository : (this.#repositories[0] ?? '');
  }

  #homeOf(cache: TreeCache, repository: string): string {
    const home = createHash('sha256').update(`${this.#server}\0${repository}`).digest('hex');
    return join(cache.directory, GENERATIONS, home);
  }
}

function keeping(directory: string, write: () => void): void {
  try {
    writing(directory, write);
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    throw new Error(`can't write to the artifact cache '${directory}': ${error.message}`, { cause: error });
  }
}

/** Newest first. */
function bySerial(a: Entry, b: Entry): number {
  return b.serial - a.serial;
}

function bySaving(a: Entry, b: Entry): number {
  return b.model.savedMs - a.model.savedMs || bySerial(a, b);
}

/** What is no generation is passed over. */
function readEntries(directory: string): Entry[] {
  return namesIn(directory).flatMap((name) => {
    const path = join(directory, name);
    try {
      const model = toArchivedModel(JSON.parse(readFileSync(path, 'utf8')));
      return model === null ? [] : [{ path, serial: Number.parseInt(name, 10) || 0, model }];
    } catch {
      return [];
    }
  });
}

/** Makes room for the one just saved, of which an older mention is not needed. */
function removeOld(before: readonly Entry[], id: string): void {
  const others = before.filter(({ model }) => model.id !== id).sort(bySerial);
  const kept = new Set(others.slice(0, LIMITS.generationsMax - 1));
  for (const entry of before) {
    if (!kept.has(entry)) rmSync(entry.path, { force: true });
  }
}

async function isWhole(model: ArchivedModel, name: string, cache: TreeCache): Promise<boolean> {
  const trees = model.folder.name === name ? treesOf(model, cache.directory) : null;
  for (const tree of trees ?? []) {
    if ((await cache.find(tree)) === null) return false;
  }
  return trees !== null;
}
