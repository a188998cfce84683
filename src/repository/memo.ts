import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HashedFile } from './hash-files.js';
import { namesIn } from './scratch.js';

/** Places remembered in memory; those forgotten are read again. */
const PLACES_MAX = 65_536;

/**
 * What files had as content when they were read: by the folder in which they lie, one memory of each,
 * worth something as long as the files' signature stays the same.
 */
export class Memo {
  readonly #places = new Map<string, { readonly signature: string; readonly files: readonly HashedFile[] }>();

  get(place: string, signature: string): readonly HashedFile[] | null {
    const known = this.#places.get(place);
    return known?.signature === signature ? known.files : null;
  }

  set(place: string, signature: string, files: readonly HashedFile[]): void {
    this.#places.delete(place);
    this.#places.set(place, { signature, files });
    const [oldest] = this.#places.keys();
    if (this.#places.size > PLACES_MAX && oldest !== undefined) this.#places.delete(oldest);
  }
}

/** The same on disk: which tree of the cache holds the files of a folder. What can't be read or written isn't known. */
export class StoredMemo {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get(place: string, signature: string): string | null {
    const entry = this.#read(this.#pathOf(place));
    return entry?.signature === signature ? entry.tree : null;
  }

  set(place: string, signature: string, tree: string, temporary: () => string): void {
    try {
      const draft = temporary();
      if (!existsSync(this.#directory)) mkdirSync(this.#directory, { recursive: true });
      writeFileSync(draft, JSON.stringify({ signature, tree }));
      renameSync(draft, this.#pathOf(place));
    } catch {
      // The next start reads the files again.
    }
  }

  /** Forgets places whose tree is gone. */
  prune(isThere: (tree: string) => boolean): void {
    for (const name of namesIn(this.#directory)) {
      const path = join(this.#directory, name);
      const entry = this.#read(path);
      if (entry !== null && isThere(entry.tree)) continue;
      rmSync(path, { force: true });
    }
  }

  #read(path: string): { readonly signature: string; readonly tree: string } | null {
    try {
      const { signature, tree } = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>;
      if (typeof signature !== 'string' || typeof tree !== 'string') return null;
      return /^[0-9a-f]{64}$/.test(tree) ? { signature, tree } : null;
    } catch {
      return null;
    }
  }

  #pathOf(place: string): string {
    return join(this.#directory, `${createHash('sha256').update(place).digest('hex')}.json`);
  }
}
