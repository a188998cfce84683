import { serverErrors } from '../errors/catalogue.js';
import { FRAME_BYTES } from './call-account.js';

/** A message of a stream as it came. */
export interface Frame {
  readonly isCompressed: boolean;
  /** With what stands in front of it. */
  readonly bytes: number;
}

/** Follows the messages of a stream through the pieces in which they come. */
export class StreamFrames {
  readonly #messageMax: number;
  readonly #complete: Frame[] = [];
  #headBytes = 0;
  #isCompressed = false;
  #length = 0;
  /** Bytes of the message that have not come. */
  #missing = 0;

  constructor(messageMax: number) {
    this.#messageMax = messageMax;
  }

  /** Whether the last message that has begun is complete. */
  get isBetween(): boolean {
    return this.#headBytes === 0;
  }

  /** Takes note of a piece. Throws RESOURCE_EXHAUSTED for a message that is too large, when it begins. */
  receive(piece: Uint8Array): void {
    for (let offset = 0; offset < piece.length; ) {
      if (this.#headBytes < FRAME_BYTES) {
        this.#readHead(piece[offset++] as number);
      } else {
        const taken = Math.min(this.#missing, piece.length - offset);
        this.#missing -= taken;
        offset += taken;
      }
      if (this.#headBytes === FRAME_BYTES && this.#missing === 0) {
        this.#complete.push({ isCompressed: this.#isCompressed, bytes: FRAME_BYTES + this.#length });
        this.#headBytes = 0;
      }
    }
  }

  /** The earliest complete message that was not taken yet. */
  take(): Frame | undefined {
    return this.#complete.shift();
  }

  #readHead(byte: number): void {
    if (this.#headBytes === 0) {
      this.#isCompressed = byte === 1;
      this.#length = 0;
    } else {
      this.#length = this.#length * 0x100 + byte;
    }
    this.#headBytes++;
    if (this.#headBytes < FRAME_BYTES) return;
    if (this.#length > this.#messageMax) throw serverErrors.requestTooLarge(this.#messageMax);
    this.#missing = this.#length;
  }
}
