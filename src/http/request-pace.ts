import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';

const LOOK_NS = 5e9;

interface Incomplete {
  readonly beganNs: number;
  readonly bytesBefore: number;
  answeredNs: number;
  readonly tooSlow: () => void;
}

/** Watches that requests come at some pace, so that nobody holds a connection for nothing. */
export class RequestPace {
  readonly #clock: Clock;
  readonly #incomplete = new Map<IncomingMessage, Incomplete>();
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `tooSlow` once, unless the request is complete before. */
  watch(request: IncomingMessage, beganNs: number, tooSlow: () => void): void {
    const { headers, socket } = request;
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return;
    this.#incomplete.set(request, {
      beganNs,
      bytesBefore: socket.bytesRead,
      answeredNs: Number.POSITIVE_INFINITY,
      tooSlow,
    });
    request.once('close', () => this.#incomplete.delete(request));
    this.#timer ??= this.#clock.setTimer(LOOK_NS, () => this.#look());
  }

  /** What still comes of the request is for nothing. */
  answered(request: IncomingMessage): void {
    const incomplete = this.#incomplete.get(request);
    if (incomplete !== undefined) incomplete.answeredNs = this.#clock.nowNs();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#incomplete.clear();
  }

  #look(): void {
    const nowNs = this.#clock.nowNs();
    for (const [request, incomplete] of this.#incomplete) {
      if (request.complete || request.destroyed) this.#incomplete.delete(request);
      else if (nowNs >= dueNs(incomplete, request.socket.bytesRead)) {
        this.#incomplete.delete(request);
        incomplete.tooSlow();
      }
    }
    this.#timer = this.#incomplete.size > 0 ? this.#clock.setTimer(LOOK_NS, () => this.#look()) : null;
  }
}

/** When a request must be complete of which so much has come. */
function dueNs({ beganNs, bytesBefore, answeredNs }: Incomplete, bytesRead: number): number {
  const graceNs = LIMITS.httpRequestMs * 1e6;
  const earnedNs = ((bytesRead - bytesBefore) / LIMITS.httpBytesPerSecondMin) * 1e9;
  return Math.min(beganNs + graceNs + earnedNs, answeredNs + graceNs);
}
