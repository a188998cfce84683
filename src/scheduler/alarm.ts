import type { Clock, Timer } from '../lib/clock.js';

/**
 * One timer for many moments: it is set for the nearest and left alone when a later one is asked for, so
 * it may ring early. Whoever it wakes looks at the clock and sets it again.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | null = null;
  #dueNs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `dueNs` at the latest; Infinity asks for nothing. */
  ringBy(dueNs: number): void {
    if (dueNs >= this.#dueNs) return;
    this.#timer?.cancel();
    this.#dueNs = dueNs;
    this.#timer = this.#clock.setTimer(dueNs - this.#clock.nowNs(), () => {
      this.#timer = null;
      this.#dueNs = Number.POSITIVE_INFINITY;
      this.#ring();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#dueNs = Number.POSITIVE_INFINITY;
  }
}
