import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { bootId, namesIn } from './scratch.js';

/** What the file system tells of the files of a tree without reading them; another one once any was written to. */
export interface TreeIdentity {
  /** Of the file system, as this machine counts them. */
  readonly device: string;
  /** Made of device, inode, size and times of every file. */
  readonly digest: string;
  /** When the youngest file changed, ms since the epoch by the clock of the file system. */
  readonly changedMs: number;
}

/** A record of one machine. */
interface View {
  readonly device: string;
  readonly digest: string;
  /** The only start of the machine in which it counts; '' = in all. */
  readonly boot: string;
}

/**
 * After this long what was written lies on the disk for sure. A machine that stops sooner may come back with
 * other bytes, and times as if they had been written.
 */
const SETTLED_MS = 120_000;

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
  readonly #clock: Clock;

  /** `temporary` gives paths at which nothing lies yet. */
  constructor(directory: string, temporary: () => string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
    this.#temporary = temporary;
  }

  /** Whether a tree was right when it looked like this. */
  has(hash: string, { device, digest }: TreeIdentity): boolean {
    return this.#read(hash).some(
      (view) =>
        view.device === device && view.digest === digest && (view.boot === '' || view.boot === bootId()),
    );
  }

  /** Remembers that a tree that looks like this is right, in place of what was known of the same device. */
  set(hash: string, { device, digest, changedMs }: TreeIdentity): void {
    const boot = this.#clock.wallMs() - changedMs < SETTLED_MS ? bootId() : '';
    try {
      const others = this.#read(hash).filter((view) => view.device !== device);
      const views: View[] = [...others, { device, digest, boot }].slice(-VIEWS_MAX);
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

  #read(hash: string): View[] {
    try {
      const path = this.#pathOf(hash);
      if (statSync(path).size > RECORD_BYTES_MAX) return [];
      const views: unknown = JSON.parse(readFileSync(path, 'utf8'));
      return Array.isArray(views) ? views.filter(isView) : [];
    } catch {
      return [];
    }
  }

  #pathOf(hash: string): string {
    return join(this.#directory, `${hash}.json`);
  }
}

function isView(value: unknown): value is View {
  if (typeof value !== 'object' || value === null) return false;
  const { device, digest, boot } = value as Readonly<Record<string, unknown>>;
  return typeof device === 'string' && typeof digest === 'string' && typeof boot === 'string';
}
