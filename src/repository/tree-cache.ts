import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { errorCode } from './fs-errors.js';
import { CacheError, hashFiles, hashOfAll, writing } from './hash-files.js';
import { LeftTrees } from './holds.js';
import { ABANDONED_MS, DRAFTS, modifiedMs, namesIn, removeTree, Scratch, touch } from './scratch.js';
import { bytesOf, TREE_FILES, TREES, type Tree, writeManifest } from './tree.js';
import { TreeChecks } from './tree-checks.js';
import { type FoundFile, type Part, stampOf } from './walk.js';

export interface TreeCacheOptions {
  /** Absolute path; made when it is not there. */
  readonly directory: string;
  readonly bytesMax: number;
  readonly clock: Clock;
  /** Hashes of the trees that this process uses, which stay. */
  readonly held: () => ReadonlySet<string>;
  /** Of those that it does not use any more: what no other process has touched lately need not be kept. */
  readonly left?: LeftTrees;
  /** Takes texts for the log. */
  readonly warn?: (text: string) => void;
  /** Bytes that can still be written to the file system of a folder; given by tests only. */
  readonly freeBytes?: (directory: string) => number;
}

/** A tree as it lies in the cache. */
export interface CachedTree {
  readonly hash: string;
  readonly bytes: number;
  /** When it was used last, ms since the epoch. */
  readonly usedMs: number;
  /** Whether a server may be using it now. */
  readonly inUse: boolean;
}

/**
 * Copies of models' files that never change, each found by the hash of its content. Several servers may
 * share one: whoever uses a tree touches it at least every {@link ABANDONED_MS}, and what was touched
 * since is not removed by anyone.
 */
export class TreeCache {
  readonly directory: string;
  readonly #scratch: Scratch;
  readonly #trees: string;
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #held: () => ReadonlySet<string>;
  readonly #freeBytes: (directory: string) => number;
  readonly #left: LeftTrees;
  readonly #checks: TreeChecks;
  /** When this process touched a tree last, and another one before that, ms since the epoch by the file system. */
  readonly #touched = new Map<string, { readonly ownMs: number; readonly otherMs: number }>();
  /** Of trees seen before. */
  readonly #bytes = new Map<string, number>();
  /** Of all trees when they were counted last, and of those saved since; null before. */
  #total: number | null = null;
  /** When to count again. */
  #evictAbove: number;

  constructor({ directory, bytesMax, clock, held, ...options }: TreeCacheOptions) {
    const { left = new LeftTrees(), freeBytes = freeBytesOf, warn = () => {} } = options;
    this.directory = directory;
    this.#scratch = new Scratch(join(directory, DRAFTS), clock);
    this.#trees = join(directory, TREES);
    this.#bytesMax = bytesMax;
    this.#evictAbove = bytesMax;
    this.#clock = clock;
    this.#held = held;
    this.#left = left;
    this.#freeBytes = freeBytes;
    this.#checks = new TreeChecks({
      directory,
      temporary: () => this.#scratch.path(),
      discard: (hash, isDamaged) => this.discard(hash, isDamaged),
      warn,
      clock,
    });
  }

  /**
   * The tree of a hash when it is there and as it was written; it is then safe from removal for a while.
   * Files are read only when they do not look to the file system as they did before; what is damaged is
   * removed, with a warning. Rejects after {@link stop}, and when this process lacks descriptors or memory.
   */
  async find(hash: string): Promise<Tree | null> {
    // Touched before it is looked at, so that nobody removes it after that.
    if (!this.#touch(hash)) return null;
    this.#left.delete(hash);
    return this.#checks.sound(hash);
  }

  /** The same for a cache that came filled and may not be written to, from which nobody removes anything. */
  async look(hash: string): Promise<Tree | null> {
    return (await this.find(hash)) ?? this.#checks.sound(hash);
  }

  /**
   * Whether a tree holds what was written to it, to the byte; a sound one is then safe from removal for a
   * while. Rejects with the reason of `signal` only.
   */
  async isSound(hash: string, signal?: AbortSignal): Promise<boolean> {
    if (!this.#touch(hash)) return false;
    this.#left.delete(hash);
    return (await this.verify(hash, signal)) === '';
  }

  /** Whether there is a tree of a hash, whole or not. */
  has(hash: string): boolean {
    return modifiedMs(join(this.#trees, hash)) !== Number.POSITIVE_INFINITY;
  }

  /** Every tree, whole or not. */
  list(): CachedTree[] {
    return namesIn(this.#trees).map((hash) => {
      const path = join(this.#trees, hash);
      const usedMs = modifiedMs(path);
      return { hash, bytes: this.#bytesOf(hash), usedMs, inUse: this.#isInUse(hash, path) };
    });
  }

  /** What is wrong with a tree, for people, read whole and left untouched; see `damageOf`. */
  verify(hash: string, signal?: AbortSignal): Promise<string> {
    return this.#checks.verify(hash, signal);
  }

  /** Has trees that are being read, and all that are to be, reject with `reason`. */
  stop(reason: Error): void {
    this.#checks.stop(reason);
  }

  /** A path of this process alone for what is to be renamed once it is finished. Throws the system's error. */
  draft(): string {
    // For this user alone, as the models may be, unless it was there before.
    if (!existsSync(this.#trees)) {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      mkdirSync(this.#trees, { recursive: true });
    }
    return this.#scratch.path();
  }

  /**
   * Copies a part. `verify` is called when its files have been read and throws when they changed
   * meanwhile. Rejects with {@link CacheError} when it can't be written, and like `hashFiles`.
   */
  async save(part: Part, verify: () => void, signal?: AbortSignal): Promise<Tree> {
    const draft = writing(this.directory, () => this.draft());
    const content = join(draft, TREE_FILES);
    try {
      writing(content, () => {
        mkdirSync(draft);
        mkdirSync(content);
        this.reserve(part.files.reduce((total, { size }) => total + size, 0));
      });
      const files = await hashFiles(part, content, signal);
      verify();
      const hash = hashOfAll(files);
      const known = await this.find(hash);
      if (known !== null) return known;
      writing(draft, () => writeManifest(draft, files));
      return await this.#publish(draft, { hash, directory: join(this.#trees, hash, TREE_FILES), files });
    } finally {
      if (existsSync(draft)) removeTree(draft);
    }
  }

  /**
   * Takes in a folder made at {@link draft} whose files, below {@link TREE_FILES}, are finished. Rejects
   * with {@link CacheError} when that can't be done; the draft is gone then too.
   */
  async adopt(draft: string): Promise<Tree> {
    const content = join(draft, TREE_FILES);
    try {
      const found = writing(content, () => foundFiles(content));
      const files = await hashFiles({ directory: content, files: found }, null);
      const hash = hashOfAll(files);
      writing(draft, () => {
        for (const { path } of files) chmodSync(join(content, path), 0o444);
        writeManifest(draft, files);
      });
      return await this.#publish(draft, { hash, directory: join(this.#trees, hash, TREE_FILES), files });
    } finally {
      if (existsSync(draft)) removeTree(draft);
    }
  }

  /** Says that drafts are being worked on, to be called within each {@link ABANDONED_MS}. */
  keepDrafts(): void {
    this.#scratch.touch();
  }

  /** Makes room for so many bytes. Throws {@link CacheError} when there is none. */
  reserve(bytes: number): void {
    const missing = (): number => bytes - this.#freeBytes(this.directory);
    if (missing() <= 0) return;
    this.#scratch.clean();
    if (missing() > 0) this.evict(missing());
    if (missing() > 0) throw new CacheError(`its device has no space left for ${bytes} bytes`);
  }

  /** Says again that what this process has in the cache is in use, and removes what others have left. */
  tend(): void {
    this.#scratch.touch();
    for (const hash of this.#held()) this.#touch(hash);
    this.#scratch.clean();
    this.#checks.prune((hash) => this.has(hash));
    this.evict();
  }

  /**
   * Removes what was not used for longest, and not lately by another process, while all trees together have more bytes than allowed, or while
   * `spare` bytes have not been given back.
   */
  evict(spare = 0): void {
    const trees = this.list();
    let total = sum(trees);
    const allowed = Math.min(this.#bytesMax, total - spare);
    const held = this.#held();
    for (const { hash, bytes } of trees.sort((a, b) => a.usedMs - b.usedMs)) {
      if (total <= allowed) break;
      if (!held.has(hash) && this.remove(hash)) total -= bytes;
    }
    this.#total = total;
    // Where what is in use is more than is allowed, looking through it for each new tree would not help.
    this.#evictAbove = Math.max(this.#bytesMax, total + this.#bytesMax / 16);
  }

  /**
   * Removes a tree that turned out to be no good, whoever uses it: what is open or mapped stays so. One that
   * another server has replaced meanwhile, of which `isDamaged` is not true, is put back.
   */
  discard(hash: string, isDamaged: (moved: string) => boolean = () => true): void {
    try {
      if (this.#takeAway(join(this.#trees, hash), (moved) => !isDamaged(moved))) this.#forget(hash);
    } catch {
      // Somebody else has, or nobody may.
    }
  }

  /**
   * Removes a damaged tree: also one that was used lately, when no other process has the cache open. Tells
   * whether it is gone.
   */
  removeDamaged(hash: string): boolean {
    if (this.remove(hash)) return true;
    if (this.#scratch.hasOthers()) return false;
    this.discard(hash);
    return !this.has(hash);
  }

  /** Removes what is not finished. */
  close(): void {
    this.#scratch.remove();
  }

  /**
   * Gives a finished draft its name, unless another server was faster; one that is damaged is replaced.
   * Rejects with {@link CacheError}, and like {@link find}.
   */
  async #publish(draft: string, tree: Tree): Promise<Tree> {
    const path = join(this.#trees, tree.hash);
    if (writing(draft, () => isTaken(draft, path))) {
      const known = await this.find(tree.hash);
      if (known !== null) return known;
      writing(draft, () => {
        if (existsSync(path)) this.#takeAway(path);
        renameSync(draft, path);
      });
    }
    touch(path, this.#clock);
    this.#checks.vouch(tree.hash);
    this.#touched.set(tree.hash, { ownMs: modifiedMs(path), otherMs: Number.NEGATIVE_INFINITY });
    this.#left.delete(tree.hash);
    this.#grow(tree);
    return tree;
  }

  #grow({ hash, files }: Tree): void {
    const bytes = files.reduce((total, { size }) => total + size, 0);
    this.#bytes.set(hash, bytes);
    if (this.#total !== null) this.#total += bytes;
    if (this.#total === null || this.#total > this.#evictAbove) this.evict();
  }

  /** Removes a tree unless somebody uses it; tells whether it is gone. */
  remove(hash: string): boolean {
    const path = join(this.#trees, hash);
    if (this.#isInUse(hash, path)) return false;
    try {
      const away = this.#takeAway(path, (moved) => this.#isInUse(hash, moved));
      if (away) this.#forget(hash);
      return away;
    } catch {
      // Another server was faster, or it is another user's.
      return false;
    }
  }

  #isInUse(hash: string, path: string): boolean {
    const touched = this.#touched.get(hash);
    const usedMs = modifiedMs(path);
    const isOwn = this.#left.has(hash) && touched?.ownMs === usedMs;
    return this.#clock.wallMs() - (isOwn ? touched.otherMs : usedMs) < ABANDONED_MS;
  }

  /** Says that a tree is in use. Returns whether it is there. */
  #touch(hash: string): boolean {
    const path = join(this.#trees, hash);
    const before = modifiedMs(path);
    if (!touch(path, this.#clock)) return false;
    this.#scratch.announce();
    const touched = this.#touched.get(hash);
    const otherMs = touched?.ownMs === before ? touched.otherMs : before;
    this.#touched.set(hash, { ownMs: modifiedMs(path), otherMs });
    return true;
  }

  #forget(hash: string): void {
    this.#bytes.delete(hash);
    this.#touched.delete(hash);
    this.#left.delete(hash);
    this.#checks.forget(hash);
  }

  /** Moves a tree out of everyone's sight, then removes it, or puts it back when `keep` says so. */
  #takeAway(path: string, keep: (moved: string) => boolean = () => false): boolean {
    const moved = this.#scratch.path();
    renameSync(path, moved);
    if (keep(moved)) {
      renameSync(moved, path);
      return false;
    }
    removeTree(moved);
    return true;
  }

  #bytesOf(hash: string): number {
    const known = this.#bytes.get(hash);
    if (known !== undefined) return known;
    const bytes = bytesOf(join(this.#trees, hash));
    this.#bytes.set(hash, bytes);
    return bytes;
  }
}

/** Gives a draft its name; tells whether something has it already. Throws the system's error. */
function isTaken(draft: string, path: string): boolean {
  try {
    renameSync(draft, path);
    return false;
  } catch (error) {
    const code = errorCode(error);
    if (['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(code)) return true;
    // Windows says that it may not be done.
    if (['EPERM', 'EACCES'].includes(code) && existsSync(path)) return true;
    throw error;
  }
}

/** Of a folder without folders in it. */
function foundFiles(directory: string): FoundFile[] {
  return readdirSync(directory)
    .sort()
    .map((path) => foundFile(directory, path));
}

function foundFile(directory: string, path: string): FoundFile {
  const stats = statSync(join(directory, path), { bigint: true });
  return { path, size: Number(stats.size), stamp: stampOf(stats) };
}

function sum(trees: readonly { readonly bytes: number }[]): number {
  return trees.reduce((total, { bytes }) => total + bytes, 0);
}

function freeBytesOf(directory: string): number {
  const { bavail, bsize, blocks } = statfsSync(directory);
  // Some file systems don't tell.
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}
