import { type FSWatcher, statSync, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LIMITS } from '../settings/limits.js';

/** Folders at the top of those watched, which are looked after even though nothing tells of their own swap. */
const ROOTS_MAX = 8;

/** Places remembered of what was renamed; more than that, and it may have been anywhere. */
const RENAMED_MAX = 64;

interface Watched {
  readonly watcher: FSWatcher;
  /** Of the folder that is watched, which keeps it when it is moved away. */
  readonly identity: string;
}

/**
 * Tells at once that something in some folders has changed, where the file system tells: local ones do,
 * those of a network mostly do not. A hint to look sooner, never the only way to learn of a change.
 */
export class FolderWatch {
  readonly #watched = new Map<string, Watched>();
  readonly #onHint: () => void;
  /** Below these another folder may have come in place of one that is watched; '' = anywhere. */
  #renamed = new Set<string>();
  #checking = false;

  constructor(onHint: () => void) {
    this.#onHint = onHint;
  }

  /** Number of folders watched. */
  get size(): number {
    return this.#watched.size;
  }

  /**
   * Watches these folders, not what lies below them, in place of those before; the repositories come first.
   * To be called after each look: where another folder has come in place of one, that is watched from soon on.
   */
  update(directories: readonly string[]): void {
    const wanted = new Set(directories.slice(0, LIMITS.watchedFoldersMax));
    for (const directory of this.#watched.keys()) if (!wanted.has(directory)) this.#drop(directory);
    const added = [...wanted].filter((directory) => !this.#watched.has(directory));
    for (const directory of added) this.#add(directory);
    const roots = directories.slice(0, ROOTS_MAX).filter((directory) => !added.includes(directory));
    if (wanted.size > 0) void this.#check(roots);
  }

  close(): void {
    this.update([]);
  }

  #add(directory: string): void {
    try {
      // Before it is watched, so that a swap in between is seen the next time.
      const { dev, ino } = statSync(directory, { bigint: true });
      const watcher = watch(directory, { persistent: false }, (event, name) => {
        if (event === 'rename') this.#noteRename(directory, name);
        this.#onHint();
      });
      // The folder is gone or the system can't watch any more: scans see all there is to see.
      watcher.on('error', () => this.#drop(directory));
      this.#watched.set(directory, { watcher, identity: `${dev}:${ino}` });
    } catch {
      // The same, found out at once.
    }
  }

  #drop(directory: string): void {
    this.#watched.get(directory)?.watcher.close();
    this.#watched.delete(directory);
  }

  /** A hidden name may be that of what links lead to, which have names of their own. */
  #noteRename(directory: string, name: string | null): void {
    const isOwn = name === basename(directory);
    const place = name === null || isOwn || name.startsWith('.') ? directory : join(directory, name);
    if (this.#renamed.size >= RENAMED_MAX) this.#renamed = new Set(['']);
    else this.#renamed.add(place);
  }

  /** One look at a time, one folder after the other: there may be thousands. */
  async #check(roots: readonly string[]): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    let replaced = false;
    let suspects = [...roots];
    do {
      for (const directory of suspects) {
        const watched = this.#watched.get(directory);
        const identity = await identityOf(directory);
        if (watched === undefined || this.#watched.get(directory) !== watched) continue;
        if (identity === null || identity === watched.identity) continue;
        this.#drop(directory);
        this.#add(directory);
        this.#renamed.add(directory);
        replaced = true;
      }
      suspects = this.#takeSuspects();
    } while (suspects.length > 0);
    this.#checking = false;
    // What has happened in them meanwhile was not told.
    if (replaced) this.#onHint();
  }

  #takeSuspects(): string[] {
    const places = this.#renamed;
    if (places.size === 0) return [];
    this.#renamed = new Set();
    return [...this.#watched.keys()].filter((directory) => liesIn(places, directory));
  }
}

/** Whether a path or a folder above it is among some places. */
function liesIn(places: ReadonlySet<string>, path: string): boolean {
  if (places.has('')) return true;
  for (let place = path; ; place = dirname(place)) {
    if (places.has(place)) return true;
    if (dirname(place) === place) return false;
  }
}

/** null when there is no such folder now. */
async function identityOf(directory: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}
