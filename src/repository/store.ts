import type { ModelFolder } from './model-folder.js';

/** A model as it lies in the store now. */
export interface ListedModel {
  readonly name: string;
  readonly folder: ModelFolder;
  /** Differs whenever a file may have changed: made of names, sizes, times and identities of all files. */
  readonly signature: string;
  /**
   * When its files changed last, ms since the epoch by the clock of the file system; removed and renamed
   * files count. What happens beside the files later, like a hidden file that comes and goes, does not.
   */
  readonly changedMs: number;
}

export interface Listing {
  /** By name; a name found twice comes once, with an error among its findings. */
  readonly models: readonly ListedModel[];
  /** Repositories that could not be read: what they hold is unknown, which says nothing about their models. */
  readonly unreadable: readonly { readonly repository: string; readonly reason: string }[];
}

/** The files of a model outside its version folders. */
export interface FetchedFiles {
  /** Local folder that never changes. */
  readonly directory: string;
  /** SHA-256 of each file in hexadecimal digits, by path relative to the folder with `/`. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** One version of a model. */
export interface FetchedVersion {
  /** Local folder that never changes. */
  readonly directory: string;
  /** SHA-256 over paths and contents of all its files, in hexadecimal digits. */
  readonly hash: string;
}

/** The seam behind which models lie, whatever keeps them. */
export interface Store {
  /** Names only, as they are now; without those of repositories that can't be read. */
  names(): Promise<readonly string[]>;
  list(): Promise<Listing>;
  /**
   * One model; null when there is none, as for a name that no folder can have. Rejects with an Error for
   * people when it isn't there and a repository can't be read.
   */
  find(name: string): Promise<ListedModel | null>;
  /**
   * Makes files available where nothing changes them, or where they lie when there is no cache or it
   * can't be written to. Rejects with an Error for people when they can't be read whole, or have changed
   * since the model was listed.
   */
  fetchFiles(model: ListedModel): Promise<FetchedFiles>;
  fetchVersion(model: ListedModel, version: number): Promise<FetchedVersion>;
  /**
   * Looks again, byte by byte, at what was fetched as a version, since it could not be loaded. Returns whether
   * it was damaged and has been fetched again, to the same place. Rejects when that can't be done.
   */
  mend(name: string, version: number, directory: string): Promise<boolean>;
  /**
   * A model made of files that a client sent, by path relative to the model's folder; the last few of a
   * name are kept. Rejects with ServingError where a path is none within that folder.
   */
  put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<ListedModel>;
  /** Says that a model is not served any more: what only it needs may go. */
  release(name: string): Promise<void>;
}

/** Everything of a model that it takes to serve it again, as plain data; all folders are in the cache. */
export interface ArchivedModel {
  /** Same content and configuration, same id. */
  readonly id: string;
  readonly savedMs: number;
  readonly folder: ModelFolder;
  /** JSON of a configuration that a client sent in place of the folder's; null = the folder's. */
  readonly configOverride: string | null;
  readonly hashes: readonly (readonly [path: string, hash: string])[];
  readonly versions: readonly (readonly [version: number, hash: string])[];
}

/**
 * What was served, kept on disk for a roll back, a few generations per model. Only what lies in the cache
 * can be kept: where there is none nothing is, and a roll back finds nothing.
 */
export interface Archive {
  /**
   * Becomes the newest of its model, and is taken for what is served now: its files stay in the cache
   * until the generation after the next is saved. Rejects with an Error for people when it can't be written.
   */
  save(model: ArchivedModel): Promise<void>;
  /** Newest first; those whose files are no longer whole are left out. */
  list(name: string): Promise<readonly ArchivedModel[]>;
}
