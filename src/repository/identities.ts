import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from './scratch.js';

/** What the file system tells of the files of a tree without reading them; another one once any was written to. */
export interface TreeIdentity {
  /** Of the file system, as this machine counts them. */
  readonly device: string;
  /** Made of device, inode, size and times of every file. */
  readonly digest: string;
}

/** Machines and containers that see one cache each in its own way. */
const VIEWS_MAX = 8;

/** No record that was written here is longer. */
const RECORD_BYTES_MAX = 4096;

/**
 * How trees looked to the file system when their content was known to be right, in small files beside them.
 * Each machine that shares a cache has a view of its own. What can't be read or written isn't known.
 */
export class Identities {
  readonly #directory: string;
  readonly #temporary: () => string;

  /** `temporary` gives paths at which nothing lies yet. */
  constructor(directory: string, temporary: () => string) {
    this.#directory = directory;
    this.#temporary = temporary;
  }

  /** Whether a tree was right when it looked like this. */
  has(hash: string, { device, digest }: TreeIdentity): boolean {
    return this.#read(hash).some((view) => view.device === device && view.digest === digest);
  }

  /** Remembers that a tree that looks like this is right, in place of what was known of the same device. */
  set(hash: string, { device, digest }: TreeIdentity): void {
    try {
      const others = this.#read(hash).filter((view) => view.device !== device);
      const views = [...others, { device, digest }].slice(-VIEWS_MAX);
      const draft = this.#temporary();
      if (!existsSync(this.#directory)) mkdirSync(this.#directory, { recursive: true });
      writeFileSync(draft, JSON.stringify(views));
      renameSync(draft, this.#pathOf(hash));
    } catch {
      // The next server reads the files again.
    }
  }

  /** Whether servers have left records here. */
  isKept(): boolean {
    return existsSync(this.#directory);
  }

  delete(hash: string): void {
    try {
      rmSync(this.#pathOf(hash), { force: true });
    } catch {
      // It tells of files that are gone, and of no others.
    }
  }

  /** Forgets trees that are gone. */
  prune(isThere: (hash: string) => boolean): void {
    for (const name of namesIn(this.#directory)) {
      const hash = name.replace(/\.json$/, '');
      if (!isThere(hash)) this.delete(hash);
    }
  }

  #read(hash: string): TreeIdentity[] {
    try {
      const path = this.#pathOf(hash);
      if (statSync(path).size > RECORD_BYTES_MAX) return [];
      const views: unknown = JSON.parse(readFileSync(path, 'utf8'));
      return Array.isArray(views) ? views.filter(isIdentity) : [];
    } catch {
      return [];
    }
  }

  #pathOf(hash: string): string {
    return join(this.#directory, `${hash}.json`);
  }
}

function isIdentity(value: unknown): value is TreeIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { device, digest } = value as Readonly<Record<string, unknown>>;
  return typeof device === 'string' && typeof digest === 'string';
}
