import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { CacheError, hashFiles, hashOfAll, SourceChangedError } from './hash-files.js';
import { type PartName, signatureOf } from './listed-model.js';
import { Memo, StoredMemo } from './memo.js';
import { walkOwnFiles, walkVersion } from './model-folder.js';
import { openRepository } from './repository.js';
import type { ListedModel } from './store.js';
import type { Tree } from './tree.js';
import type { TreeCache } from './tree-cache.js';
import type { Part } from './walk.js';

/**
 * How old a change must be for the next one to be told apart by its time for sure; file systems count in
 * up to 2 s.
 */
const RACY_MS = 2000;

export interface FetchContext {
  readonly cache: TreeCache | null;
  readonly clock: Clock;
  readonly warn: (text: string) => void;
}

/** Makes parts of models available where nothing changes them, which is read only when it may have changed. */
export class PartFetcher {
  readonly #cache: TreeCache | null;
  readonly #clock: Clock;
  readonly #warn: (text: string) => void;
  readonly #memo = new Memo();
  readonly #stored: StoredMemo | null;
  readonly #stopped = new AbortController();
  /** What is being read, by folder and signature. */
  readonly #underWay = new Map<string, Promise<Tree>>();
  /** Why the cache could not be used last; '' while it can. */
  #trouble = '';

  constructor({ cache, clock, warn }: FetchContext) {
    this.#cache = cache;
    this.#clock = clock;
    this.#warn = warn;
    this.#stored = cache === null ? null : new StoredMemo(join(cache.directory, 'memo'));
  }

  /**
   * The files as they were when the model was listed: a tree of the cache, or the folder in the repository
   * where there is no cache or nothing can be written to it. Calls at the same time read them once. Rejects
   * with an Error for people.
   */
  async fetch(model: ListedModel, name: PartName): Promise<Tree> {
    const listed = signatureOf(model, name);
    const part = walkPart(model, name);
    if (part.signature !== listed) throw changed(model, name);
    const key = `${part.directory}\0${part.signature}`;
    const reading = this.#underWay.get(key) ?? this.#provide(part, model, name);
    this.#underWay.set(key, reading);
    try {
      return await reading;
    } finally {
      if (this.#underWay.get(key) === reading) this.#underWay.delete(key);
    }
  }

  async #provide(part: Part, model: ListedModel, name: PartName): Promise<Tree> {
    const known = await this.#recall(part);
    if (known !== null) return known;
    const startMs = this.#clock.wallMs();
    try {
      const tree = await this.#read(part, () => {
        if (walkPart(model, name).signature !== part.signature) throw new SourceChangedError();
      });
      if (startMs - part.changedMs > RACY_MS) this.#remember(part, tree);
      return tree;
    } catch (error) {
      throw error instanceof SourceChangedError ? changed(model, name) : error;
    }
  }

  /**
   * Whether a tree holds what was copied; one that does not is removed, so that the next fetch copies it
   * again. Rejects only when it was told to {@link stop}.
   */
  async check(hash: string): Promise<boolean> {
    const sound = this.#cache === null || (await this.#cache.isSound(hash, this.#stopped.signal));
    if (!sound) this.#cache?.discard(hash);
    return sound;
  }

  /** Has what is being read, and all that is to be, reject with `reason`: a large model takes minutes. */
  stop(reason: Error): void {
    this.#stopped.abort(reason);
    this.#cache?.stop(reason);
  }

  /** Forgets what is worth nothing any more. */
  tend(): void {
    const cache = this.#cache;
    if (cache !== null) this.#stored?.prune((tree) => cache.has(tree));
  }

  async #read(part: Part, verify: () => void): Promise<Tree> {
    try {
      if (this.#cache !== null) {
        const tree = await this.#cache.save(part, verify, this.#stopped.signal);
        this.#trouble = '';
        return tree;
      }
    } catch (error) {
      if (!(error instanceof CacheError)) throw error;
      this.#noteTrouble(error.message);
    }
    const files = await hashFiles(part, null, this.#stopped.signal);
    verify();
    return { hash: hashOfAll(files), directory: part.directory, files };
  }

  /** Said once, until it has worked again. */
  #noteTrouble(reason: string): void {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#warn(
      `can't use the artifact cache '${this.#cache?.directory}': ${reason}; models are served from the repository itself, where their files must be left alone while they are loaded`,
    );
  }

  async #recall(part: Part): Promise<Tree | null> {
    const files = this.#memo.get(part.directory, part.signature);
    if (this.#cache === null) {
      return files === null ? null : { hash: hashOfAll(files), directory: part.directory, files };
    }
    const hash = files === null ? this.#stored?.get(part.directory, part.signature) : hashOfAll(files);
    const tree = hash == null ? null : await this.#cache.find(hash);
    if (tree !== null) this.#memo.set(part.directory, part.signature, tree.files);
    return tree;
  }

  #remember(part: Part, { hash, directory, files }: Tree): void {
    this.#memo.set(part.directory, part.signature, files);
    const cache = this.#cache;
    if (cache === null || directory === part.directory) return;
    // Where all times are whole seconds, as in images that were built to be reproducible, another file may
    // come with the same one.
    if (part.finelyTimed) this.#stored?.set(part.directory, part.signature, hash, () => cache.draft());
  }
}

function walkPart({ folder, name }: ListedModel, part: PartName): Part {
  const repository = openRepository(folder.repository);
  return part === 'files' ? walkOwnFiles(repository, name) : walkVersion(repository, name, part);
}

function changed({ name }: ListedModel, part: PartName): Error {
  const files = part === 'files' ? `the files of model '${name}'` : `the files of version ${part}`;
  return new Error(`${files} changed while they were read`);
}
