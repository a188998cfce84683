import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LIMITS } from '../settings/limits.js';
import { toArchivedModel, treesOf } from './archived-model.js';
import { CacheError, writing } from './hash-files.js';
import type { Holds } from './holds.js';
import { isModelName } from './paths.js';
import { namesIn } from './scratch.js';
import type { Archive, ArchivedModel } from './store.js';
import type { TreeCache } from './tree-cache.js';

export interface FileArchiveOptions {
  /** null = nothing is kept, since nothing keeps the files as they are. */
  readonly cache: TreeCache | null;
  readonly repositories: readonly string[];
  readonly holds: Holds;
}

/** A generation and the file that tells of it. */
interface Entry {
  readonly path: string;
  /** The newest has the greatest. */
  readonly serial: number;
  readonly model: ArchivedModel;
}

/**
 * Generations as files of JSON in the cache, by repository and model. Several servers may write to the
 * same; each file is written by one and only read or removed after that.
 */
export class FileArchive implements Archive {
  readonly #cache: TreeCache | null;
  readonly #repositories: readonly string[];
  readonly #holds: Holds;

  constructor({ cache, repositories, holds }: FileArchiveOptions) {
    this.#cache = cache;
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
    const directory = this.#directoryOf(cache, this.#homeOf(folder.repository), folder.name);
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
    const homes = [...new Set(this.#repositories)];
    const entries = homes.flatMap((repository) => readEntries(this.#directoryOf(cache, repository, name)));
    const seen = new Set<string>();
    return entries
      .sort(homes.length === 1 ? bySerial : bySaving)
      .map(({ model }) => model)
      .filter((model) => {
        if (seen.has(model.id) || !isWhole(model, name, cache)) return false;
        seen.add(model.id);
        return true;
      })
      .slice(0, LIMITS.generationsMax);
  }

  /** What a client sent is kept with the first repository. */
  #homeOf(repository: string): string {
    return this.#repositories.includes(repository) ? repository : (this.#repositories[0] ?? '');
  }

  #directoryOf(cache: TreeCache, repository: string, name: string): string {
    const home = createHash('sha256').update(repository).digest('hex');
    return join(cache.directory, 'generations', home, name);
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

function isWhole(model: ArchivedModel, name: string, cache: TreeCache): boolean {
  if (model.folder.name !== name) return false;
  return treesOf(model, cache.directory)?.every((tree) => cache.find(tree) !== null) ?? false;
}
