import { type FSWatcher, watch } from 'node:fs';
import { LIMITS } from '../settings/limits.js';

/**
 * Tells at once that something in some folders has changed, where the file system tells: local ones do,
 * those of a network mostly do not. A hint to look sooner, never the only way to learn of a change.
 */
export class FolderWatch {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onHint: () => void;

  constructor(onHint: () => void) {
    this.#onHint = onHint;
  }

  /** Number of folders watched. */
  get size(): number {
    return this.#watchers.size;
  }

  /** Watches these folders, not what lies below them, in place of those before. */
  update(directories: readonly string[]): void {
    const wanted = new Set(directories.slice(0, LIMITS.watchedFoldersMax));
    for (const directory of this.#watchers.keys()) if (!wanted.has(directory)) this.#drop(directory);
    for (const directory of wanted) if (!this.#watchers.has(directory)) this.#add(directory);
  }

  close(): void {
    this.update([]);
  }

  #add(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, () => this.#onHint());
      // The folder is gone or the system can't watch any more: scans see all there is to see.
      watcher.on('error', () => this.#drop(directory));
      this.#watchers.set(directory, watcher);
    } catch {
      // The same, found out at once.
    }
  }

  #drop(directory: string): void {
    this.#watchers.get(directory)?.close();
    this.#watchers.delete(directory);
  }
}
