import type { MessagePort } from 'node:worker_threads';
import type {
  Answer,
  InstanceOptions,
  ModelDescription,
  RunInputs,
  RunMarks,
  RunOutputs,
} from '../backend/backend.js';
import type { StatusCode } from '../errors/serving-error.js';

/** Names an instance within its lane; unique in the process. */
export type InstanceId = number;

/** Serving thread -> lane. One lane may host several instances, so messages name one. */
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
  | {
      readonly kind: 'stream';
      readonly instance: InstanceId;
      readonly request: RunInputs;
      /** Where the answers go; transferred. */
      readonly answers: MessagePort;
    }
  | { readonly kind: 'unload'; readonly instance: InstanceId }
  /** Collect garbage. */
  | { readonly kind: 'tidy' };

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
  /** Every answer has been acknowledged before. */
  | { readonly kind: 'streamed'; readonly marks: RunMarks }
  | { readonly kind: 'unloaded' }
  | { readonly kind: 'tidied' }
  | { readonly kind: 'failed'; readonly error: LaneError; readonly slowed: boolean };

/** An error as data: `code` is null for what is not meant for clients; `text` goes to the log then. */
export interface LaneError {
  readonly code: StatusCode | null;
  readonly text: string;
  readonly stack: string;
}

/** Lane -> serving thread, through the port of a `stream`; each is acknowledged by a signal. */
export type LaneAnswer = Answer;

/** Serving thread -> lane, through the port of a `stream`: the next answer may come, or nobody waits for it. */
export type AnswerSignal = 'next' | 'stop';
