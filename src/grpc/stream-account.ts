import { invariant } from '../lib/invariant.js';
import type { InFlight } from '../service/in-flight.js';
import { CallAccount, FRAME_BYTES, PIECES_COPIES } from './call-account.js';
import { StreamFrames } from './stream-frames.js';

/** A message of a stream, and what it holds of its stream's account. */
export class MessageShare {
  /** `grpc-encoding` of a message that is compressed; null when it is not. */
  readonly compression: string | null;
  /** Bytes of the message, which the account has counted. */
  readonly bytes: number;
  readonly #account: StreamAccount;
  #held: number;

  constructor(account: StreamAccount, compression: string | null, bytes: number) {
    this.#account = account;
    this.compression = compression;
    this.bytes = bytes;
    this.#held = bytes;
  }

  /** Counts memory that is needed until {@link release}. Throws UNAVAILABLE when the door has no more. */
  hold(bytes: number): void {
    this.#account.hold(bytes);
    this.#held += bytes;
  }

  /** The request is over. */
  release(): void {
    this.#account.release(this.#held);
    this.#held = 0;
  }
}

/** The account of a stream of messages: each gives back what it holds when it has been answered. */
export class StreamAccount extends CallAccount {
  readonly #encoding: string | null;
  readonly #frames: StreamFrames;
  #onRefused: ((error: unknown) => void) | null = null;

  constructor(inFlight: InFlight, messageMax: number, encoding: string | null) {
    super(inFlight, messageMax, encoding);
    this.#encoding = encoding;
    this.#frames = new StreamFrames(messageMax);
  }

  /** Whether the last message that has begun is complete. */
  get isBetween(): boolean {
    return this.#frames.isBetween;
  }

  override receive(piece: Uint8Array): void {
    this.#frames.receive(piece);
    this.hold(PIECES_COPIES * piece.length);
  }

  override refuse(error: unknown): boolean {
    super.refuse(error);
    this.#onRefused?.(error);
    return this.#onRefused !== null;
  }

  /** Calls `listener`, the only one, when the stream sends too much. */
  onRefused(listener: (error: unknown) => void): void {
    this.#onRefused = listener;
  }

  /** The next message has been put together, `length` bytes; its pieces are given up. */
  take(length: number): MessageShare {
    const frame = this.#frames.take();
    invariant(frame?.bytes === FRAME_BYTES + length, 'messages are taken in the order in which they came');
    this.release((PIECES_COPIES - 1) * frame.bytes);
    return new MessageShare(this, frame.isCompressed ? this.#encoding : null, frame.bytes);
  }
}
