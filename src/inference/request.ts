import type { ServingError } from '../errors/serving-error.js';
import type { Shape } from '../tensor/shape.js';
import type { SharedMemoryRef } from './shared-memory-ref.js';

/** A request or tensor parameter as it came; 64-bit integers are bigint. */
export type ParameterValue = boolean | bigint | number | string;
export type Parameters = ReadonlyMap<string, ParameterValue>;

export const NO_PARAMETERS: Parameters = new Map();

/**
 * An input as a client sent it, not yet checked against any model. `data` is row-major little-endian
 * (BYTES: 4-byte length prefixes), a view on the received message that stays valid until the answer, or
 * made of it when first asked for: look at `byteLength` before.
 */
export interface InferInput {
  readonly name: string;
  /** Whatever the client wrote; see `isDatatype`. */
  readonly datatype: string;
  readonly shape: Shape;
  /** Length of `data`. */
  readonly byteLength: number;
  readonly data: Uint8Array;
  /** `data` has its ArrayBuffer to itself and is read by nobody else. */
  readonly owned?: true;
  /** Where the bytes are when the request did not carry them; `data` is empty then. */
  readonly sharedMemory?: SharedMemoryRef;
}

/** An output that a client asked for by name. */
export interface RequestedOutput {
  readonly name: string;
  /** Number of classes wanted; 0 when the tensor itself is wanted. */
  readonly classification: number;
  /** Where the tensor is to be written instead of into the answer. */
  readonly sharedMemory?: SharedMemoryRef;
}

/** Parameters with a meaning of their own, parsed; the others stay in `custom`. */
export interface RequestOptions {
  /** 0n or '' when the request belongs to no sequence. */
  readonly sequenceId: bigint | string;
  readonly sequenceStart: boolean;
  readonly sequenceEnd: boolean;
  /** 0 = the model's default level. */
  readonly priority: number;
  /** Microseconds that the request may wait in the queue; 0 = the model's default. */
  readonly timeoutUs: number;
  readonly emptyFinalResponse: boolean;
  readonly custom: Parameters;
}

/**
 * Why the front end could not read a part of a request. The service raises them in Triton's order of
 * checks (after the model's lookup), so that the same error wins as there.
 */
export interface RequestProblems {
  /** In request parameters. */
  readonly parameters: ServingError | null;
  /** In the parameters of requested outputs. */
  readonly outputs: ServingError | null;
  /** In the inputs' data: missing, twice, of a wrong type. */
  readonly payload: ServingError | null;
}

/** The kind of door a request came through: a few texts and the names in traces depend on it. */
export type Protocol = 'grpc' | 'http';

/** A protocol-neutral inference request: what came through a door. */
export interface InferRequest {
  readonly protocol: Protocol;
  readonly modelName: string;
  /** As sent; '' = the latest version that is ready. */
  readonly modelVersion: string;
  readonly id: string;
  readonly options: RequestOptions;
  readonly inputs: readonly InferInput[];
  /** Empty = all outputs of the model. */
  readonly outputs: readonly RequestedOutput[];
  readonly problems: RequestProblems;
  /** Monotonic nanoseconds after which no answer is wanted; Infinity when the client set no deadline. */
  readonly deadlineNs: number;
  readonly cancellation: Cancellation;
  /** Monotonic nanoseconds of arrival. */
  readonly receivedNs: number;
  /** The client's address, for the access log. */
  readonly peer: string;
  /** The trace that the client is part of. */
  readonly traceContext?: TraceContext | undefined;
  /** Calls `listener` once, with the moment at which the client had the answer or was gone. */
  whenSent?(listener: (ns: number) => void): void;
}

/** W3C trace context, as the headers `traceparent` and `tracestate` carry it. */
export interface TraceContext {
  readonly traceparent: string;
  /** '' when there was none. */
  readonly tracestate: string;
  /** Whether the client's trace is kept. */
  readonly isSampled: boolean;
}

/** Tells whoever holds a request that its client no longer waits. */
export interface Cancellation {
  readonly cancelled: boolean;
  /** Calls `listener` once, at once when it is cancelled already; returns how to take it back. */
  onCancel(listener: () => void): () => void;
}

const noop = (): void => {};
export const NEVER_CANCELLED: Cancellation = { cancelled: false, onCancel: () => noop };

/** A {@link Cancellation} with its trigger. */
export class Canceller implements Cancellation {
  #cancelled = false;
  #listeners: Set<() => void> | null = null;

  get cancelled(): boolean {
    return this.#cancelled;
  }

  onCancel(listener: () => void): () => void {
    if (this.#cancelled) {
      listener();
      return noop;
    }
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    return () => this.#listeners?.delete(listener);
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const listeners = this.#listeners;
    this.#listeners = null;
    if (listeners !== null) for (const listener of listeners) listener();
  }
}
