import type { InstanceOptions, ModelDescription, RunInputs, RunOutputs } from '../backend/backend.js';
import type { StatusCode } from '../errors/serving-error.js';

/** Names an instance within its lane; unique in the process. */
export type InstanceId = number;

/** Serving thread -> lane. One lane may host several instances, so each message names one. */
export type LaneRequest =
  | {
      readonly kind: 'load';
      readonly instance: InstanceId;
      readonly backend: string;
      readonly options: InstanceOptions;
      /** Leave the processors to the threads that serve; for lanes that hold nothing else. */
      readonly lowPriority: boolean;
    }
  | { readonly kind: 'run'; readonly instance: InstanceId; readonly batch: RunInputs }
  | { readonly kind: 'unload'; readonly instance: InstanceId };

/**
 * Lane -> serving thread. A lane answers every message; a rejection means that its thread has died.
 * `slowed`: after a load of low priority the thread could not get its own back.
 */
export type LaneReply =
  | {
      readonly kind: 'loaded';
      readonly description: ModelDescription | null;
      readonly slowed: boolean;
    }
  | { readonly kind: 'ran'; readonly result: RunOutputs }
  | { readonly kind: 'unloaded' }
  | { readonly kind: 'failed'; readonly error: LaneError; readonly slowed: boolean };

/** An error as data: `code` is null for what is not meant for clients; `text` goes to the log then. */
export interface LaneError {
  readonly code: StatusCode | null;
  readonly text: string;
  readonly stack: string;
}
