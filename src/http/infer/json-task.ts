import { Buffer } from 'node:buffer';
import type { TensorMetadata } from '../../service/views.js';
import type { JsonDatatype } from './json/elements.js';
import { writeElements } from './json/write-elements.js';
import type { JsonRequest } from './json-request.js';
import { readGenerateRequest } from './read-generate.js';
import { readInferRequest } from './read-infer.js';

/** JSON to read or to write, as plain data: it may go to another thread. */
export type JsonTask =
  | { readonly kind: 'infer'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'generate';
      readonly bytes: Uint8Array;
      /** Inputs of the model. */
      readonly tensors: readonly TensorMetadata[];
    }
  | { readonly kind: 'write'; readonly datatype: JsonDatatype; readonly data: Uint8Array };

/** What becomes of each kind of task; null = bytes that JSON can't carry. */
export interface JsonResults {
  readonly infer: JsonRequest;
  readonly generate: JsonRequest;
  readonly write: Uint8Array | null;
}

export type JsonResult = JsonResults[JsonTask['kind']];

/** Does a task on this thread. */
export function runJsonTask<K extends JsonTask['kind']>(
  task: JsonTask & { readonly kind: K },
): JsonResults[K];
export function runJsonTask(task: JsonTask): JsonResult {
  switch (task.kind) {
    case 'infer':
      return readInferRequest(toBuffer(task.bytes));
    case 'generate':
      return readGenerateRequest(toBuffer(task.bytes), task.tensors);
    case 'write':
      return writeElements(task.datatype, task.data);
  }
}

/** Buffers come out of a message as plain arrays. */
function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
