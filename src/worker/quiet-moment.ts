import type { Clock } from '../lib/clock.js';

/** For how long nothing has happened in a quiet moment. */
const QUIET_NS = 1e9;

/** Does something once when, after it was wanted, nothing has happened for a second. */
export class QuietMoment {
  readonly #clock: Clock;
  readonly #act: () => void;
  #wanted = false;
  #disturbed = false;

  constructor(clock: Clock, act: () => void) {
    this.#clock = clock;
    this.#act = act;
  }

  /** Wants it to be done, once however often it is wanted before. */
  want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#wait();
  }

  /** Something happens. */
  disturb(): void {
    this.#disturbed = true;
  }

  #wait(): void {
    this.#disturbed = false;
    this.#clock.setTimer(QUIET_NS, () => {
      if (this.#disturbed) return this.#wait();
      this.#wanted = false;
      this.#act();
    });
  }
}
