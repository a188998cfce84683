import { Buffer } from 'node:buffer';
import type { WireReader } from '../wire/reader.js';
import type { DecodeContext } from './decode-context.js';
import { NO_BYTES } from './model.js';
import { plainBytes } from './plain-bytes.js';

/** Collects the fields of a message that nobody models. */
export class RestFields {
  readonly #reader: WireReader;
  readonly #context: DecodeContext;
  #parts: Uint8Array[] | null = null;
  #start = 0;
  #end = 0;

  constructor(reader: WireReader, context: DecodeContext) {
    this.#reader = reader;
    this.#context = context;
  }

  /** Passes over the value of the field that began at `start` with `tag`, and keeps both. */
  keep(start: number, tag: number): void {
    this.#reader.skip(tag);
    this.keepRead(start);
  }

  /** Keeps what was read since `start`. */
  keepRead(start: number): void {
    if (start !== this.#end) {
      this.#close();
      this.#start = start;
    }
    this.#end = this.#reader.position;
  }

  /** All of it, in the order of the message. */
  finish(): Uint8Array {
    if (this.#end === 0) return NO_BYTES;
    if (this.#parts === null) return plainBytes(this.#reader.view(this.#start, this.#end));
    this.#close();
    return plainBytes(Buffer.concat(this.#parts));
  }

  #close(): void {
    if (this.#end === 0) return;
    this.#context.spend(100);
    this.#parts ??= [];
    this.#parts.push(this.#reader.view(this.#start, this.#end));
  }
}
