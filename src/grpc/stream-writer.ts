import type { Buffer } from 'node:buffer';

/** Where answers go; `sent` is called once an answer has left, as far as the client has room for it. */
export type SendAnswer = (bytes: Buffer, sent: () => void) => void;

/** Writes the answers of one stream, and knows how many bytes of them have not left yet. */
export class StreamWriter {
  readonly #send: SendAnswer;
  readonly #unsentBytesMax: number;
  #unsentBytes = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(send: SendAnswer, unsentBytesMax: number) {
    this.#send = send;
    this.#unsentBytesMax = unsentBytesMax;
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
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Nothing is written any more, and nobody waits. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  get #hasRoom(): boolean {
    return this.#isClosed || this.#unsentBytes <= this.#unsentBytesMax;
  }

  #wake(): void {
    if (!this.#hasRoom) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
