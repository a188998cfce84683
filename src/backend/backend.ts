import type { Cancellation } from '../inference/request.js';
import type { ModelDescription } from '../model-config/description.js';
import type { Datatype } from '../tensor/datatype.js';
import type { NamedTensor } from '../tensor/tensor.js';

export type { ModelDescription, TensorDescription } from '../model-config/description.js';

/** Where an instance computes. */
export type Device = { readonly kind: 'cpu' } | { readonly kind: 'gpu'; readonly id: number };

/** Everything a backend needs to create one instance; crosses the thread border as a message. */
export interface InstanceOptions {
  readonly modelName: string;
  readonly version: number;
  /** Absolute path of the version folder. */
  readonly directory: string;
  /** Absolute path of the model file; may not exist for backends without one. */
  readonly modelFile: string;
  /** Whether the file holds what the backend made of the model for this machine: nothing is left to optimise. */
  readonly compiled?: boolean;
  /** Whether somebody may write to the files while the instance is loaded: none of them may be mapped. */
  readonly mutableFiles?: boolean;
  readonly device: Device;
  /** `parameters {}` of the configuration as text. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly graphLevel: number;
  /** Threads of one operator where the configuration leaves it open. */
  readonly intraOpThreads: number;
  /** For backends that have no model to ask; empty until the configuration is complete. */
  readonly outputs: readonly { readonly name: string; readonly datatype: Datatype }[];
}

/** One run of an instance: inputs of one batch, each with all its rows. */
export interface RunInputs {
  readonly inputs: readonly NamedTensor[];
  /** Names that at least one request of the batch wants. */
  readonly outputs: readonly string[];
}

/** Marks inside a run, monotonic nanoseconds of `Clock.nowNs`. */
export interface RunMarks {
  readonly start: number;
  readonly inputEnd: number;
  readonly outputStart: number;
  readonly end: number;
}

export interface RunOutputs {
  /** Buffers owned by the caller from now on: each may be transferred to another thread. */
  readonly outputs: readonly NamedTensor[];
  readonly marks: RunMarks;
}

/** When one of several answers was made, monotonic nanoseconds of `Clock.nowNs`. */
export interface AnswerMarks {
  readonly start: number;
  readonly outputStart: number;
  readonly end: number;
}

/** One of the answers to a request of a decoupled model. */
export interface Answer {
  /** As {@link RunOutputs.outputs}; at least those that the request wants. */
  readonly outputs: readonly NamedTensor[];
  readonly marks: AnswerMarks;
}

/** Takes the answers to one request as they are made. */
export interface AnswerSink {
  /** Nobody waits for further answers: those that come are dropped. */
  readonly cancellation: Cancellation;
  /** Resolves when the next answer may be made, as slowly as the client reads. */
  answer(answer: Answer): Promise<void>;
}

/** A loaded model in one lane. All calls come from the lane's thread, one at a time. */
export interface Instance {
  readonly description: ModelDescription | null;
  /**
   * Throws ServingError for what may be shown to a client, anything else for what may not. A run that
   * holds the thread lets the event loop turn first: the answer of the run before leaves the lane then.
   */
  run(batch: RunInputs): Promise<RunOutputs>;
  /**
   * Answers one request of a decoupled model any number of times; for backends whose traits say that they
   * do. Resolves when nothing follows, soon after a cancellation; throws as {@link run} does. The calls to
   * other instances of the lane go on meanwhile.
   */
  stream?(request: RunInputs, sink: AnswerSink): Promise<RunMarks>;
  /** Gives memory back; no call follows. */
  release(): Promise<void>;
}

/** The seam where a way to run models plugs in; lives in lane threads only. */
export interface Backend {
  readonly name: string;
  /** Throws an Error whose text tells the user why the model can't be loaded. */
  load(options: InstanceOptions): Promise<Instance>;
}
