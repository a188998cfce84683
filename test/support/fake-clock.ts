import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '#naiad/lib/clock.js';

interface Pending {
  readonly dueNs: number;
  readonly fire: () => void;
}

/** Time that a test turns: it stands still between calls of {@link FakeClock.advance}. */
export class FakeClock implements Clock {
  #nowNs = 1e12;
  readonly #wallMsAtStart = 1_700_000_000_000;
  readonly #startNs = this.#nowNs;
  readonly #timers = new Set<Pending>();
  readonly #afterTurn: (() => void)[] = [];
  readonly #holdsTurns: boolean;

  /** With `holdsTurns` a turn ends by {@link FakeClock.endTurn}, else at once. */
  constructor({ holdsTurns = false } = {}) {
    this.#holdsTurns = holdsTurns;
  }

  nowNs(): number {
    return this.#nowNs;
  }

  wallMs(): number {
    return this.#wallMsAtStart + (this.#nowNs - this.#startNs) / 1e6;
  }

  setTimer(delayNs: number, fire: () => void): Timer {
    const pending: Pending = { dueNs: this.#nowNs + Math.max(0, delayNs), fire };
    this.#timers.add(pending);
    return { cancel: () => this.#timers.delete(pending) };
  }

  afterTurn(fire: () => void): void {
    if (this.#holdsTurns) this.#afterTurn.push(fire);
    else fire();
  }

  endTurn(): void {
    for (const fire of this.#afterTurn.splice(0)) fire();
  }

  /** Timers set and neither fired nor cancelled. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** When the next timer fires; Infinity when none is set. */
  get nextTimerNs(): number {
    return this.#next(Number.POSITIVE_INFINITY)?.dueNs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Turns time by `ns`. Timers fire in the order they are due (of equal ones the first set first), each at
   * its own time, and everything that a firing set in motion settles before the next.
   */
  async advance(ns: number): Promise<void> {
    const endNs = this.#nowNs + ns;
    await this.#settle();
    for (let timer = this.#next(endNs); timer !== undefined; timer = this.#next(endNs)) {
      this.#timers.delete(timer);
      this.#nowNs = Math.max(this.#nowNs, timer.dueNs);
      timer.fire();
      await this.#settle();
    }
    this.#nowNs = endNs;
  }

  /** Turns go on ending until nothing asks for the end of one. */
  async #settle(): Promise<void> {
    do {
      this.endTurn();
      await settled();
    } while (this.#afterTurn.length > 0);
  }

  #next(untilNs: number): Pending | undefined {
    let next: Pending | undefined;
    for (const timer of this.#timers) {
      if (timer.dueNs <= untilNs && (next === undefined || timer.dueNs < next.dueNs)) next = timer;
    }
    return next;
  }
}

/** Resolves when all promise reactions that are ready now, and those they make ready, have run. */
export function settled(): Promise<void> {
  return setImmediate();
}
