import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { Identities, type TreeIdentity } from './identities.js';
import { damageOf, lookAtTree, type SeenTree, TREES, type Tree } from './tree.js';

/** Trees whose state is remembered in memory; the others' records are read again. */
const VERDICTS_MAX = 65_536;

/** Times that another server may replace a tree while it is read. */
const TRIES_MAX = 3;

/** What stands for a tree that has no identity, since it is not whole. */
const BROKEN: TreeIdentity = { device: '', digest: '', changedMs: 0 };

export interface TreeChecksOptions {
  /** Absolute path of the cache. */
  readonly directory: string;
  /** Gives paths at which nothing lies yet. */
  readonly temporary: () => string;
  /** Removes a tree for as long as `isDamaged` is true of the path it has been moved to. */
  readonly discard: (hash: string, isDamaged: (moved: string) => boolean) => void;
  readonly warn: (text: string) => void;
  readonly clock: Clock;
}

/**
 * Tells sound trees of a cache from damaged ones. Files that look to the file system as they did when their
 * content was known are not read again; all others are, once.
 */
export class TreeChecks {
  readonly #directory: string;
  readonly #identities: Identities;
  readonly #discard: TreeChecksOptions['discard'];
  readonly #warn: (text: string) => void;
  /** As trees looked when this process found out about them. */
  readonly #verdicts = new Map<string, { readonly digest: string; readonly sound: boolean }>();
  /** What is being read. */
  readonly #underWay = new Map<string, Promise<Tree | null>>();
  readonly #stopped = new AbortController();

  constructor({ directory, temporary, discard, warn, clock }: TreeChecksOptions) {
    this.#directory = directory;
    this.#identities = new Identities(join(directory, 'identities'), temporary, clock);
    this.#discard = discard;
    this.#warn = warn;
  }

  /**
   * A tree that is as it was written; null when it is not there, or damaged: then it is removed, as far as
   * that is allowed, which is told of once. Rejects when its files can't be read for want of descriptors or
   * memory, or once it was told to {@link stop}.
   */
  sound(hash: string): Promise<Tree | null> {
    const reading = this.#underWay.get(hash) ?? this.#settle(hash);
    this.#underWay.set(hash, reading);
    return reading.finally(() => {
      if (this.#underWay.get(hash) === reading) this.#underWay.delete(hash);
    });
  }

  /** Remembers that a tree is right as it lies there now. */
  vouch(hash: string): void {
    const seen = lookAtTree(this.#pathOf(hash), hash);
    if (seen !== null) this.#vouchFor(hash, seen.identity);
  }

  /** Reads a tree whole; tells what is wrong with it, for people, '' when nothing is. Rejects like `hashFiles`. */
  async verify(hash: string, signal?: AbortSignal): Promise<string> {
    const path = this.#pathOf(hash);
    const seen = lookAtTree(path, hash);
    const damage = await damageOf(seen, signal);
    // A folder of another user's making would keep servers from writing their own.
    if (damage === '' && seen !== null && this.#identities.isKept() && looksLike(path, hash, seen.identity))
      this.#vouchFor(hash, seen.identity);
    return damage;
  }

  forget(hash: string): void {
    this.#identities.delete(hash);
  }

  /** Forgets what belongs to trees that are gone. */
  prune(isThere: (hash: string) => boolean): void {
    this.#identities.prune(isThere);
  }

  /** Has what is being read, and all that is to be, reject with `reason`. */
  stop(reason: Error): void {
    this.#stopped.abort(reason);
  }

  async #settle(hash: string): Promise<Tree | null> {
    const path = this.#pathOf(hash);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const seen = lookAtTree(path, hash);
      if (seen === null && !existsSync(path)) return null;
      const identity = seen?.identity ?? BROKEN;
      const verdict = this.#verdicts.get(hash);
      const known = verdict?.digest === identity.digest ? verdict.sound : this.#isRecorded(hash, seen);
      if (known === false) return null;
      if (known === true && seen !== null) return seen.tree;
      const damage = await damageOf(seen, this.#stopped.signal);
      if (!looksLike(path, hash, identity)) continue;
      if (damage === '' && seen !== null) {
        this.#vouchFor(hash, identity);
        return seen.tree;
      }
      this.#remember(hash, identity, false);
      this.#warn(
        `entry 'trees/${hash}' of the artifact cache '${this.#directory}' is damaged: ${damage}; it is not used, and made again where it is needed`,
      );
      this.#discard(hash, (moved) => looksLike(moved, hash, identity));
      return null;
    }
    return null;
  }

  #isRecorded(hash: string, seen: SeenTree | null): true | null {
    return seen !== null && this.#identities.has(hash, seen.identity) ? true : null;
  }

  #vouchFor(hash: string, identity: TreeIdentity): void {
    this.#remember(hash, identity, true);
    this.#identities.set(hash, identity);
  }

  #remember(hash: string, { digest }: TreeIdentity, sound: boolean): void {
    this.#verdicts.delete(hash);
    this.#verdicts.set(hash, { digest, sound });
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size > VERDICTS_MAX && oldest !== undefined) this.#verdicts.delete(oldest);
  }

  #pathOf(hash: string): string {
    return join(this.#directory, TREES, hash);
  }
}

function looksLike(path: string, hash: string, { digest }: TreeIdentity): boolean {
  return (lookAtTree(path, hash)?.identity ?? BROKEN).digest === digest;
}
