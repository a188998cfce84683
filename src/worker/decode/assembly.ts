import type { DecodedPictures } from '../picture-decoder.js';
import type { DecodeReply } from './decode-message.js';

/**
 * A request's tensor, put together slice by slice as they come: each is copied in a millisecond or two
 * while the threads decode, where all at the end would hold the serving thread up.
 */
export class Assembly {
  readonly #bytes: number;
  #data: Uint8Array | null = null;
  /** Of the first picture in the request's order that was refused. */
  #refusal: Extract<DecodedPictures, { kind: 'refused' }> | null = null;

  /** `bytes` is the size of the whole tensor. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Takes what became of the slice that begins with picture `start`, at byte `offset` of the tensor. */
  add(start: number, offset: number, reply: DecodeReply): void {
    if (reply.kind === 'refused') this.#refuse(start + reply.problem.index, reply.problem.reason);
    else if (this.#refusal !== null) return;
    else if (reply.data.byteLength === this.#bytes) this.#data = reply.data;
    else {
      this.#data ??= new Uint8Array(this.#bytes);
      this.#data.set(reply.data, offset);
    }
  }

  /** The tensor, which owns its ArrayBuffer, when all slices have been added. */
  finish(): DecodedPictures {
    return this.#refusal ?? { kind: 'decoded', data: this.#data ?? new Uint8Array(0) };
  }

  #refuse(index: number, reason: string): void {
    this.#data = null;
    if (this.#refusal !== null && this.#refusal.problem.index < index) return;
    this.#refusal = { kind: 'refused', problem: { index, reason } };
  }
}
