import { serverErrors } from '../errors/catalogue.js';
import type { InFlight } from '../service/in-flight.js';

/** Length and compression of a message stand in front of it. */
export const FRAME_BYTES = 5;

/** grpc-js puts a message together from its pieces, and keeps those. */
export const PIECES_COPIES = 2;

/**
 * What one call holds of a door's memory, from its first byte until its stream is closed: the bytes that
 * have come, also of a message that is not complete, what is made of them, and the answer until the
 * client has taken it.
 */
export class CallAccount {
  /** `grpc-encoding` as the client wrote it; null when it wrote none. */
  readonly #encoding: string | null;
  readonly #inFlight: InFlight;
  readonly #messageMax: number;
  #received = 0;
  #held = 0;
  #keepers = 0;
  #isCompressed = false;
  #isClosed = false;
  #isRefused = false;
  #afterClose: (() => void) | null = null;

  constructor(inFlight: InFlight, messageMax: number, encoding: string | null) {
    this.#inFlight = inFlight;
    this.#messageMax = messageMax;
    this.#encoding = encoding;
  }

  /** How the call's message is compressed; null when it is not. */
  get compression(): string | null {
    return this.#isCompressed ? this.#encoding : null;
  }

  /** Counts a piece of the request. Throws ServingError when it is too much for the call or the door. */
  receive(piece: Uint8Array): void {
    // A message begins with a byte that is 1 when it is compressed.
    if (this.#received === 0) this.#isCompressed = piece[0] === 1;
    this.#received += piece.length;
    if (this.#received > FRAME_BYTES + this.#messageMax) {
      throw serverErrors.requestTooLarge(this.#messageMax);
    }
    this.hold(PIECES_COPIES * piece.length);
  }

  /** Whether the call has been refused; what comes of it still is dropped. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Returns whether the call's handler tells its client why; otherwise nobody has. */
  refuse(_error: unknown): boolean {
    this.#isRefused = true;
    return false;
  }

  /** The message has been put together, and its pieces are given up. */
  complete(): void {
    const surplus = (PIECES_COPIES - 1) * this.#received;
    this.#held -= surplus;
    this.#inFlight.release(surplus);
  }

  /** What still comes of the call is dropped at once, and not counted. */
  ignoreRest(): void {
    this.#isRefused = true;
  }

  /** Counts memory that the call needs until its end. Throws UNAVAILABLE when the door has no more. */
  hold(bytes: number): void {
    // What comes too late is dropped soon, and nobody would give it back.
    if (this.#isClosed) return;
    this.#inFlight.hold(bytes);
    this.#held += bytes;
  }

  /** Gives back a part of what is held before the call ends. */
  release(bytes: number): void {
    // At the end all of it is given back together.
    if (this.#isClosed) return;
    this.#inFlight.release(bytes);
    this.#held -= bytes;
  }

  /**
   * What the call holds is needed until the returned function is called, once, even when the call ends
   * before.
   */
  keep(): () => void {
    this.#keepers++;
    return () => {
      this.#keepers--;
      if (this.#isClosed) this.#releaseUnkept();
    };
  }

  /** The call has ended. */
  close(): void {
    this.#isClosed = true;
    this.#releaseUnkept();
    this.#afterClose?.();
    this.#afterClose = null;
  }

  /** Calls `listener`, the only one, once the call has ended: at once when it has already. */
  afterClose(listener: () => void): void {
    if (this.#isClosed) listener();
    else this.#afterClose = listener;
  }

  #releaseUnkept(): void {
    if (this.#keepers > 0) return;
    this.#inFlight.release(this.#held);
    this.#held = 0;
  }
}
