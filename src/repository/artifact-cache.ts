import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { writing } from './hash-files.js';
import { modifiedMs, namesIn, removeTree, touch } from './scratch.js';
import { TREE_FILES } from './tree.js';
import type { TreeCache } from './tree-cache.js';

/** What was made of a model, or why nothing was; plain data. */
export interface Artifact {
  /** Absolute path of the folder with its files; null = nothing was made. */
  readonly directory: string | null;
  /** Why nothing was made, for people; '' when something was. */
  readonly reason: string;
  /** Plain data of whoever made it. */
  readonly details: unknown;
}

/** An artifact that is being made. */
export interface ArtifactDraft {
  readonly draft: string;
  /** Absolute path of the folder for its files. */
  readonly directory: string;
}

/** What is told of an artifact to people who look into the cache. */
export interface ArtifactLabel {
  readonly model: string;
  readonly version: number;
  /** How it was made, in a few words. */
  readonly made: string;
}

/** An artifact as it lies in the cache. */
export interface ArtifactEntry {
  readonly key: string;
  readonly label: ArtifactLabel;
  /** The tree with its files; null = nothing was made. */
  readonly tree: string | null;
  readonly reason: string;
  readonly details: unknown;
  readonly madeMs: number;
}

/** How long it is remembered, without having been asked for, that nothing can be made. */
const REFUSALS_MS = 30 * 86_400_000;

/** The folder of a cache that tells which tree was made for what. */
const ARTIFACTS = 'artifacts';

/**
 * Artifacts among the trees of a cache, each found by a key that says what it was made of. Several servers
 * may make the same at the same time: the one that is finished last is found from then on.
 */
export class ArtifactCache {
  readonly #trees: TreeCache;
  readonly #clock: Clock;
  readonly #directory: string;

  constructor(trees: TreeCache, clock: Clock) {
    this.#trees = trees;
    this.#clock = clock;
    this.#directory = join(trees.directory, ARTIFACTS);
  }

  /**
   * What was made for a key, its files there and as they were written; null when nobody has tried, or they
   * are damaged. Rejects like `TreeCache.find`.
   */
  async find(key: string): Promise<Artifact | null> {
    const path = this.#pathOf(key);
    const entry = readEntry(path, key);
    if (entry === null) return null;
    touch(path, this.#clock);
    const { reason, details } = entry;
    if (entry.tree === null) return { directory: null, reason, details };
    const tree = await this.#trees.look(entry.tree);
    return tree === null ? null : { directory: tree.directory, reason, details };
  }

  /**
   * An empty folder of this process alone for the files of an artifact of about so many bytes. Throws
   * {@link CacheError}.
   */
  begin(bytes: number): ArtifactDraft {
    return writing(this.#directory, () => {
      const draft = this.#trees.draft();
      const directory = join(draft, TREE_FILES);
      mkdirSync(directory, { recursive: true });
      this.#trees.reserve(bytes);
      return { draft, directory };
    });
  }

  /** Gives a finished draft its place. Rejects with {@link CacheError}; the draft is gone then. */
  async publish(draft: string, key: string, label: ArtifactLabel, details: unknown): Promise<Artifact> {
    const { hash, directory } = await this.#trees.adopt(draft);
    this.#write({ key, label, tree: hash, reason: '', details, madeMs: this.#clock.wallMs() });
    return { directory, reason: '', details };
  }

  /** Says that drafts are being worked on, to be called more often than every hour. */
  keepDrafts(): void {
    this.#trees.keepDrafts();
  }

  /** Removes a draft that comes to nothing. */
  abandon(draft: string): void {
    removeTree(draft);
  }

  /** Remembers that nothing can be made. Throws {@link CacheError}. */
  refuse(key: string, label: ArtifactLabel, reason: string, details: unknown): Artifact {
    this.#write({ key, label, tree: null, reason, details, madeMs: this.#clock.wallMs() });
    return { directory: null, reason, details };
  }

  /** Removes what was made, since it can't be used; it is made again when it is wanted again. */
  discard(key: string): void {
    const path = this.#pathOf(key);
    const entry = readEntry(path, key);
    if (entry === null) return;
    removeTree(path);
    if (entry.tree !== null) this.#trees.discard(entry.tree);
  }

  /** Everything that was tried, those whose files are gone left out. */
  list(): ArtifactEntry[] {
    return namesIn(this.#directory).flatMap((name) => {
      const key = name.replace(/\.json$/, '');
      const entry = readEntry(this.#pathOf(key), key);
      return entry === null || this.#isGone(entry) ? [] : [entry];
    });
  }

  /** Forgets what is worth nothing any more, as far as that is allowed. */
  tend(): void {
    for (const name of namesIn(this.#directory)) {
      const path = join(this.#directory, name);
      const entry = readEntry(path, name.replace(/\.json$/, ''));
      if (entry === null || this.#isGone(entry)) removeTree(path);
    }
  }

  #isGone({ key, tree }: ArtifactEntry): boolean {
    if (tree !== null) return !this.#trees.has(tree);
    return this.#clock.wallMs() - modifiedMs(this.#pathOf(key)) > REFUSALS_MS;
  }

  #write(entry: ArtifactEntry): void {
    writing(this.#directory, () => {
      if (!existsSync(this.#directory)) mkdirSync(this.#directory, { recursive: true });
      const draft = this.#trees.draft();
      writeFileSync(draft, JSON.stringify(entry));
      renameSync(draft, this.#pathOf(entry.key));
    });
  }

  #pathOf(key: string): string {
    return join(this.#directory, `${key}.json`);
  }
}

/** What can't be read is not there. */
function readEntry(path: string, key: string): ArtifactEntry | null {
  try {
    const entry: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isEntry(entry) && entry.key === key ? entry : null;
  } catch {
    return null;
  }
}

function isEntry(value: unknown): value is ArtifactEntry {
  if (!isRecord(value) || !isRecord(value.label)) return false;
  const { key, label, tree, reason, madeMs } = value;
  return (
    typeof key === 'string' &&
    (tree === null || (typeof tree === 'string' && /^[0-9a-f]{64}$/.test(tree))) &&
    typeof reason === 'string' &&
    typeof madeMs === 'number' &&
    typeof label.model === 'string' &&
    typeof label.version === 'number' &&
    typeof label.made === 'string'
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
