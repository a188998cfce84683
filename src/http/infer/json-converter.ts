import { LIMITS } from '../../settings/limits.js';
import { BYTE_SIZES } from '../../tensor/datatype.js';
import type { JsonDatatype } from './json/elements.js';
import { type JsonResults, type JsonTask, runJsonTask } from './json-task.js';

/** Is told of memory that is taken, and may refuse it by throwing. */
export type HoldBytes = (bytes: number) => void;

/** Does tasks elsewhere. */
export interface JsonThreads {
  /** Takes the task's bytes over where they have their ArrayBuffer to themselves. Rejects with ServingError. */
  run<K extends JsonTask['kind']>(task: JsonTask & { readonly kind: K }): Promise<JsonResults[K]>;
}

/**
 * Reads and writes JSON so that nobody waits for it: small texts at once, since a thread takes longer to
 * answer, large ones on a thread, since the serving thread would do nothing else meanwhile. Measured in
 * docs/decisions/008-json-of-tensors.md.
 */
export class JsonConverter {
  readonly #threads: JsonThreads | null;

  /** Without threads everything is done at once. */
  constructor(threads: JsonThreads | null) {
    this.#threads = threads;
  }

  /** Reads a request. Rejects with ServingError. */
  read<K extends 'infer' | 'generate'>(
    task: JsonTask & { readonly kind: K },
  ): JsonResults[K] | Promise<JsonResults[K]> {
    if (this.#threads === null || task.bytes.length <= LIMITS.jsonInlineBytes) return runJsonTask<K>(task);
    return this.#threads.run<K>(task);
  }

  /**
   * Elements of a tensor with commas between them, in pieces; null when they hold bytes that JSON can't
   * carry. `hold` is told of each large piece and ends the writing by throwing. Rejects with that, and with
   * ServingError.
   */
  async write(
    datatype: JsonDatatype,
    data: Uint8Array,
    hold: HoldBytes,
  ): Promise<readonly Uint8Array[] | null> {
    const pieces: Uint8Array[] = [];
    const isSmall = data.length <= LIMITS.jsonInlineElements * (BYTE_SIZES[datatype] || INLINE_STRING_BYTES);
    for (const part of isSmall ? [data] : partsOf(datatype, data)) {
      if (pieces.length > 0) pieces.push(COMMA);
      const task = { kind: 'write', datatype, data: part } as const;
      const text =
        isSmall || this.#threads === null
          ? runJsonTask<'write'>(task)
          : // A copy: what is handed over is gone here.
            await this.#threads.run<'write'>({ ...task, data: new Uint8Array(part) });
      if (text === null) return null;
      if (!isSmall) hold(text.length);
      pieces.push(text);
    }
    return pieces;
  }
}

const COMMA = new Uint8Array([0x2c]);

/** Bytes of strings that take as long as an element that is a number. */
const INLINE_STRING_BYTES = 8;

/** What one task writes: a copy of it takes less than a millisecond. */
const PART_BYTES = 1 << 20;

/** A tensor in parts of whole elements. */
function* partsOf(datatype: JsonDatatype, data: Uint8Array): Iterable<Uint8Array> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let start = 0;
  while (start < data.length) {
    let end = start + PART_BYTES;
    if (datatype === 'BYTES') {
      for (end = start; end < data.length && end - start < PART_BYTES; ) end += 4 + view.getUint32(end, true);
    }
    yield data.subarray(start, end);
    start = end;
  }
}
