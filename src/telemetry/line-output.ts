import { writeSync } from 'node:fs';
import type { Clock } from '../lib/clock.js';

/** Lines are kept for a slow or broken reader up to this; further ones are lost and counted. */
const BACKLOG_CHARS_MAX = 4 << 20;
/** Lines of one turn of the event loop are written together, but no more than this. */
const CHUNK_CHARS = 16 << 10;
const RETRY_NS = 20e6;
const LAST_TRIES_MAX = 200;
const LAST_TRY_MS = 5;

/** What the outside world looks like to {@link LineOutput}; tests put another one in its place. */
export type WriteBytes = (bytes: Uint8Array) => number;

/**
 * Lines on their way to a file descriptor. They are written synchronously and together at the end of a
 * turn of the event loop, so nothing is left behind in another thread when the process ends. A pipe that
 * is full never stops the serving thread, and a reader that has gone is no error.
 */
export class LineOutput {
  readonly #writeBytes: WriteBytes;
  readonly #clock: Clock;
  #lines: string[] = [];
  /** Length of all that waits, lines and rest. */
  #chars = 0;
  /** Bytes of a chunk that the descriptor has not taken yet. */
  #rest: Uint8Array = new Uint8Array(0);
  #scheduled = false;
  #lost = 0;

  constructor(clock: Clock, writeBytes: WriteBytes = (bytes) => writeSync(1, bytes)) {
    this.#clock = clock;
    this.#writeBytes = writeBytes;
  }

  write(line: string): void {
    if (this.#chars > BACKLOG_CHARS_MAX) {
      this.#lost++;
      return;
    }
    this.#lines.push(line);
    this.#chars += line.length;
    if (this.#chars >= CHUNK_CHARS) this.writeNow();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#turnEnded());
    }
  }

  /** How many lines were lost since the last call. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** Writes what the descriptor takes without waiting. */
  writeNow(): void {
    if (!this.#writeOut() && !this.#scheduled) {
      this.#scheduled = true;
      this.#clock.setTimer(RETRY_NS, () => this.#turnEnded());
    }
  }

  /** Writes everything, waiting up to a second for a reader that is slow: the last words of a process. */
  flush(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; tries < LAST_TRIES_MAX && !this.#writeOut(); tries++) {
      Atomics.wait(pause, 0, 0, LAST_TRY_MS);
    }
  }

  #turnEnded(): void {
    this.#scheduled = false;
    this.writeNow();
  }

  /** False when the descriptor can take no more for now. */
  #writeOut(): boolean {
    while (this.#rest.length > 0 || this.#lines.length > 0) {
      if (this.#rest.length === 0) {
        this.#rest = Buffer.from(this.#lines.join(''));
        this.#lines = [];
        this.#chars = this.#rest.length;
      }
      try {
        this.#rest = this.#rest.subarray(this.#writeBytes(this.#rest));
      } catch (error) {
        if (isBusy(error)) return false;
        // Nobody reads any more, or the disk is full: no reason to stop serving.
        this.#lost += countLines(this.#rest);
        this.#rest = new Uint8Array(0);
      }
    }
    this.#chars = 0;
    return true;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EAGAIN' || error.code === 'EBUSY');
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return lines;
}
