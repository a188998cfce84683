import { randomFillSync } from 'node:crypto';

const PERIOD = 1_000_003;
const PIECE_BYTES = 1 << 20;

/** Bytes without end that repeat after a length which no buffer has, so that one in another place is another one. */
export class Pattern {
  /** Long enough to be read from any place on. */
  readonly #bytes: Buffer;

  constructor() {
    const once = randomFillSync(Buffer.alloc(PERIOD));
    this.#bytes = Buffer.concat([once, once, once]);
  }

  /** `length` bytes from `offset` on, a piece at a time. */
  *pieces(length: number, offset = 0): Generator<Buffer> {
    for (let at = offset; at < offset + length; at += PIECE_BYTES) {
      yield this.#at(at, Math.min(PIECE_BYTES, offset + length - at));
    }
  }

  /** Whether `bytes` are those from `offset` on. */
  equals(bytes: Buffer, offset: number): boolean {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const part = bytes.subarray(at, at + PIECE_BYTES);
      if (!part.equals(this.#at(offset + at, part.length))) return false;
    }
    return true;
  }

  #at(offset: number, length: number): Buffer {
    return this.#bytes.subarray(offset % PERIOD, (offset % PERIOD) + length);
  }
}
