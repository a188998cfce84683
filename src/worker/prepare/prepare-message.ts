import type { StatusCode } from '../../errors/serving-error.js';
import type { Recipe } from '../../quantize/recipe.js';
import type { StorePlaces } from '../../repository/open-file-store.js';
import type {
  ArchivedModel,
  FetchedFiles,
  FetchedVersion,
  ListedModel,
  Listing,
} from '../../repository/store.js';
import type { FoundArtifact, SamplePlaces } from '../build/locate-samples.js';

/** A listing in which a model that is as it was in the one before is only its name. */
export interface ShortListing {
  readonly models: readonly (ListedModel | string)[];
  readonly unreadable: Listing['unreadable'];
}

/** What the serving thread asks the preparing thread, and what it gets back. */
export interface PrepareCalls {
  /** The first of all calls. */
  open: { request: { readonly places: StorePlaces }; reply: null };
  names: { request: object; reply: readonly string[] };
  list: { request: object; reply: ShortListing };
  find: { request: { readonly name: string }; reply: ListedModel | null };
  fetchFiles: { request: { readonly model: ListedModel }; reply: FetchedFiles };
  fetchVersion: { request: { readonly model: ListedModel; readonly version: number }; reply: FetchedVersion };
  mend: {
    request: { readonly name: string; readonly version: number; readonly directory: string };
    reply: boolean;
  };
  /** See `FileStore.openSent`: the serving thread writes the files, since sending them would copy them. */
  openSent: { request: { readonly name: string }; reply: string };
  listSent: { request: { readonly name: string; readonly repository: string }; reply: ListedModel };
  /** `loaded` are the trees of the cache that instances have files in. */
  save: { request: { readonly model: ArchivedModel; readonly loaded: readonly string[] }; reply: null };
  generations: { request: { readonly name: string }; reply: readonly ArchivedModel[] };
  release: { request: { readonly name: string }; reply: null };
  tend: { request: { readonly loaded: readonly string[] }; reply: null };
  /** The recipe comes back with the hash of its samples. */
  artifact: {
    request: { readonly recipe: Recipe; readonly samples: SamplePlaces | null };
    reply: FoundArtifact;
  };
  /** What was made can't be used. */
  discardArtifact: { request: { readonly recipe: Recipe }; reply: null };
  /** Whether a thread here may get a priority back that it gave up. */
  priority: { request: object; reply: boolean };
  /** The process is to end: what is being fetched, and all that is to be, rejects. */
  stopReading: { request: object; reply: null };
  /** The last of all calls. */
  close: { request: object; reply: null };
}

export type PrepareKind = keyof PrepareCalls;

export type PrepareRequest = {
  [K in PrepareKind]: { readonly kind: K } & PrepareCalls[K]['request'];
}[PrepareKind];

/** A rejection instead of a reply means that the thread has died. */
export type PrepareReply =
  | {
      readonly kind: 'done';
      readonly value: PrepareCalls[PrepareKind]['reply'];
      /** Texts for the log. */
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'failed'; readonly error: PrepareError; readonly warnings: readonly string[] };

/** `code` is null for what is no ServingError. */
export interface PrepareError {
  readonly code: StatusCode | null;
  readonly text: string;
}
