import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { toArchivedModel, treesOf } from './archived-model.js';
import { ArtifactCache } from './artifact-cache.js';
import { TreeCache } from './tree-cache.js';

/** A tree of a cache as people are told of it. */
export interface CacheItem {
  readonly hash: string;
  /** `artifact`: made of a model; `files`: copied from a repository. */
  readonly kind: 'artifact' | 'files';
  /** Models that it belongs to, as far as that is known. */
  readonly models: readonly string[];
  /** What it is, in a few words. */
  readonly what: string;
  readonly bytes: number;
  /** When it was used last, ms since the epoch. */
  readonly usedMs: number;
  readonly inUse: boolean;
}

/** What could not be made of a model, and why. */
export interface CacheRefusal {
  readonly model: string;
  readonly version: number;
  readonly what: string;
  readonly reason: string;
}

/** Which items to remove. */
export interface PruneRule {
  /** Items may take together so many bytes at most. */
  readonly bytesMax: number;
  /** Only those that nobody has used for so long, ms. */
  readonly unusedMs: number;
}

/** Looks into a cache that servers may be using, and takes from it what they don't. */
export class CacheContents {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #trees: TreeCache;
  readonly #artifacts: ArtifactCache;

  /** Throws Error for people when there is no such folder. */
  constructor(directory: string, clock: Clock) {
    if (!isFolder(directory)) throw new Error(`there is no folder '${directory}'`);
    this.#directory = directory;
    this.#clock = clock;
    const nothing = new Set<string>();
    this.#trees = new TreeCache({
      directory,
      bytesMax: Number.POSITIVE_INFINITY,
      clock,
      held: () => nothing,
    });
    this.#artifacts = new ArtifactCache(this.#trees, clock);
  }

  /** Those used last come first. */
  items(): CacheItem[] {
    const made = new Map<string, { models: Set<string>; what: Set<string> }>();
    for (const { tree, label } of this.#artifacts.list()) {
      if (tree === null) continue;
      const entry = made.get(tree) ?? { models: new Set(), what: new Set() };
      entry.models.add(`${label.model}:${label.version}`);
      entry.what.add(label.made);
      made.set(tree, entry);
    }
    const copied = this.#copiedModels();
    return this.#trees
      .list()
      .map((tree): CacheItem => {
        const artifact = made.get(tree.hash);
        return artifact === undefined
          ? { ...tree, kind: 'files', models: [...(copied.get(tree.hash) ?? [])].sort(), what: 'copy' }
          : {
              ...tree,
              kind: 'artifact',
              models: [...artifact.models].sort(),
              what: [...artifact.what].sort().join(', '),
            };
      })
      .sort((a, b) => b.usedMs - a.usedMs || (a.hash < b.hash ? -1 : 1));
  }

  refusals(): CacheRefusal[] {
    return this.#artifacts
      .list()
      .filter(({ tree }) => tree === null)
      .map(({ label: { model, version, made }, reason }) => ({ model, version, what: made, reason }))
      .sort((a, b) => (a.model < b.model ? -1 : 1));
  }

  /** Reads an item whole. Tells what is wrong with it, for people; '' when nothing is. */
  verify({ hash }: CacheItem): Promise<string> {
    return this.#trees.verify(hash);
  }

  /** Removes an item unless a server uses it; tells whether it is gone. */
  remove({ hash }: CacheItem): boolean {
    return this.#trees.remove(hash);
  }

  /** The same for one that is damaged, which stays only while servers have the cache open. */
  removeDamaged({ hash }: CacheItem): boolean {
    return this.#trees.removeDamaged(hash);
  }

  /** Removes what a rule says, those that were not used for longest first; tells what is gone. */
  prune({ bytesMax, unusedMs }: PruneRule): CacheItem[] {
    const items = this.items();
    let total = items.reduce((sum, { bytes }) => sum + bytes, 0);
    const removed: CacheItem[] = [];
    for (const item of items.reverse()) {
      if (total <= bytesMax) break;
      if (this.#clock.wallMs() - item.usedMs < unusedMs || !this.remove(item)) continue;
      total -= item.bytes;
      removed.push(item);
    }
    return removed;
  }

  /** Forgets what belongs to trees that are gone, and removes what is not finished. */
  close(): void {
    this.#artifacts.tend();
    this.#trees.close();
  }

  /** Trees of what was served, by the names of the models. */
  #copiedModels(): Map<string, Set<string>> {
    const models = new Map<string, Set<string>>();
    for (const path of filesIn(join(this.#directory, 'generations'))) {
      try {
        const archived = toArchivedModel(JSON.parse(readFileSync(path, 'utf8')));
        for (const tree of (archived && treesOf(archived, this.#directory)) ?? []) {
          models.set(tree, (models.get(tree) ?? new Set()).add(archived?.folder.name ?? ''));
        }
      } catch {
        // It tells of nothing then.
      }
    }
    return models;
  }
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return [];
  }
}

function isFolder(directory: string): boolean {
  try {
    return statSync(directory).isDirectory();
  } catch {
    return false;
  }
}
