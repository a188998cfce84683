import type { Buffer } from 'node:buffer';
import type { Clock, Timer } from '../lib/clock.js';

/** Where answers go; `sent` is called once an answer has left, as far as the client has room for it. */
export type SendAnswer = (bytes: Buffer, sent: () => void) => void;

/** When a client takes its answers too slowly for those who wait for room. */
export interface PaceOptions {
  readonly clock: Clock;
  /** How long nothing may leave, besides the time that `bytesPerSecondMin` gives to what is to leave. */
  readonly stalledMs: number;
  readonly bytesPerSecondMin: number;
  /** Called once. */
  onStalled(): void;
}

/** Writes the answers of one stream, and knows how many bytes of them have not left yet. */
export class StreamWriter {
  readonly #send: SendAnswer;
  readonly #unsentBytesMax: number;
  readonly #pace: PaceOptions;
  #unsentBytes = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];
  /** Runs while somebody waits. */
  #timer: Timer | null = null;

  constructor(send: SendAnswer, unsentBytesMax: number, pace: PaceOptions) {
    this.#send = send;
    this.#unsentBytesMax = unsentBytesMax;
    this.#pace = pace;
  }

  /** Writes behind what was written before; `sent` is called once, unless the writer is closed before. */
  write(bytes: Buffer, sent: () => void): void {
    if (this.#isClosed) return;
    this.#unsentBytes += bytes.length;
    this.#send(bytes, () => {
      if (this.#isClosed) return;
      this.#unsentBytes -= bytes.length;
      sent();
      this.#wake();
    });
  }

  /** Null while more may be written; otherwise resolves when it may. */
  room(): Promise<void> | null {
    if (this.#hasRoom) return null;
    const room = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#timer ??= this.#watch();
    return room;
  }

  /** Nothing is written any more, and nobody waits. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  get #hasRoom(): boolean {
    return this.#isClosed || this.#unsentBytes <= this.#unsentBytesMax;
  }

  /** Something has left, or nothing will. */
  #wake(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#hasRoom) for (const wake of this.#waiting.splice(0)) wake();
    else if (this.#waiting.length > 0) this.#timer = this.#watch();
  }

  #watch(): Timer {
    const { clock, stalledMs, bytesPerSecondMin, onStalled } = this.#pace;
    const leavingNs = (this.#unsentBytes / bytesPerSecondMin) * 1e9;
    return clock.setTimer(stalledMs * 1e6 + leavingNs, onStalled);
  }
}
