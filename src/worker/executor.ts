import type { AnswerSink, ModelDescription, RunInputs, RunMarks, RunOutputs } from '../backend/backend.js';

/**
 * One instance of a model behind the thread border, as schedulers see it. Each scheduler keeps count of
 * what it has handed over itself; an executor runs what it gets from all of them in that order.
 */
export interface Executor {
  readonly name: string;
  readonly description: ModelDescription | null;
  /** False between the death of its thread and the end of the reload. */
  readonly available: boolean;
  /** Calls `listener` whenever `available` changes; returns how to stop. */
  onAvailability(listener: () => void): () => void;
  /**
   * Runs one batch. The buffers of `batch.inputs` that own their whole ArrayBuffer may be transferred:
   * the caller must not read them afterwards. Rejects with ServingError: what the backend reported for
   * the client, INTERNAL for its other failures, UNAVAILABLE when the lane's thread died.
   */
  run(batch: RunInputs): Promise<RunOutputs>;
  /**
   * Has one request of a decoupled model answered any number of times; missing where instances answer
   * once. Rejects as {@link run} does, and with what `sink` throws.
   */
  stream?(request: RunInputs, sink: AnswerSink): Promise<RunMarks>;
  /** Resolves when the instance has given its memory back. Nothing may be running. */
  unload(): Promise<void>;
}
