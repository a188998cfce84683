import type { StatusCode } from '../../errors/serving-error.js';
import type { RequestProblems } from '../../inference/request.js';
import type { RequestParameter } from '../../inference/request-options.js';
import type { SharedMemoryRef } from '../../inference/shared-memory-ref.js';

/** Where the data of an input are. */
export type InputSource =
  /** Made of the JSON's own values: raw, in an ArrayBuffer of its own. */
  | { readonly kind: 'json'; readonly data: Uint8Array }
  /** Behind the JSON, in the order of the inputs. */
  | { readonly kind: 'binary'; readonly byteSize: number }
  | { readonly kind: 'shared'; readonly ref: SharedMemoryRef };

export interface JsonInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly source: InputSource;
}

export interface JsonOutput {
  readonly name: string;
  readonly classification: number;
  /** Null = as the request says for all. */
  readonly binary: boolean | null;
  readonly shared: SharedMemoryRef | null;
}

/** What is wrong with a request, and which of the service's checks it is reported by. */
export interface JsonProblem {
  readonly stage: keyof RequestProblems;
  readonly code: StatusCode;
  readonly text: string;
}

/**
 * The JSON of an inference request, read: plain data, so that it can come from another thread. With a
 * problem the rest may be missing.
 */
export interface JsonRequest {
  readonly id: string;
  readonly parameters: ReadonlyMap<string, RequestParameter>;
  readonly inputs: readonly JsonInput[];
  readonly outputs: readonly JsonOutput[];
  readonly problem: JsonProblem | null;
}
