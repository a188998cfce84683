import type { ControlMode } from '../settings/settings.js';
import type { HistoryEntry } from './history.js';

/** What a load request carries besides the name. */
export interface LoadOptions {
  /** JSON of a ModelConfig to use instead of the repository's; null = the repository's. */
  readonly config: string | null;
  /** Files by path relative to the model's folder, which replace all of the repository's; empty = those. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Return to what was served before. */
  readonly rollback: boolean;
}

/** Control over what is loaded; all methods throw ServingError. */
export interface RepositoryControl {
  readonly mode: ControlMode;
  /** Names of the models in the repositories as they lie there now. */
  names(): Promise<readonly string[]>;
  /** Resolves when every version that is to be served is. */
  load(name: string, options: LoadOptions): Promise<void>;
  /** Resolves when no version is loaded any more and their memory has been given back. */
  unload(name: string, options: { readonly dependents: boolean }): Promise<void>;
  /** What happened to a model, oldest first; empty for unknown ones. */
  history(name: string): readonly HistoryEntry[];
}
