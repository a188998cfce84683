import type { ModelFolder } from './model-folder.js';

/** A model as it lies in the store now. */
export interface ListedModel {
  readonly name: string;
  readonly folder: ModelFolder;
  /** Differs whenever a file may have changed: made of names, sizes, times and identities of all files. */
  readonly signature: string;
  /** When the youngest change happened, ms since the epoch by the clock of the file system. */
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
  /** Names only, as they are now. */
  names(): Promise<readonly string[]>;
  list(): Promise<Listing>;
  /** One model; null when there is none. Rejects when a repository can't be read. */
  find(name: string): Promise<ListedModel | null>;
  /**
   * Makes files available where nothing changes them. Rejects with an Error for people when they can't be
   * read whole, or were changed while they were read.
   */
  fetchFiles(model: ListedModel): Promise<FetchedFiles>;
  fetchVersion(model: ListedModel, version: number): Promise<FetchedVersion>;
  /** A model made of files that a client sent, by path relative to the model's folder. */
  put(name: string, files: ReadonlyMap<string, Uint8Array>): Promise<ListedModel>;
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

/** What was served before, kept on disk for a roll back, a few generations per model. */
export interface Archive {
  /** Becomes the newest of its model. */
  save(model: ArchivedModel): Promise<void>;
  /** Newest first; those whose files are no longer whole are left out. */
  list(name: string): Promise<readonly ArchivedModel[]>;
}
