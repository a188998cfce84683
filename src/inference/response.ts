import type { NamedTensor } from '../tensor/tensor.js';
import type { Parameters } from './request.js';
import type { SharedMemoryRef } from './shared-memory-ref.js';

/** An output of an answer. */
export interface ResponseOutput extends NamedTensor {
  /** Where the tensor was written; the answer carries no bytes of it then. */
  readonly sharedMemory?: SharedMemoryRef;
}

/** The answer to an {@link InferRequest}; tensors in the order they go on the wire. */
export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly ResponseOutput[];
}

/** One of the answers to a request on a stream. Decoupled models give any number, others one that is final. */
export interface StreamedResponse {
  /** Null for the end of a decoupled model's answers that comes without an answer of its own. */
  readonly response: InferResponse | null;
  readonly isFinal: boolean;
}

/** Takes one answer; the next one waits for the promise, if there is one. */
export type EmitResponse = (streamed: StreamedResponse) => void | Promise<void>;
