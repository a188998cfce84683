import type { Clock, Timer } from '../lib/clock.js';

/** How often lanes are looked at; what was not asked for anything in between is quiet. */
const TURN_NS = 1e9;

/** Of a turn, so that a thousand lanes leave the processors to what is served. */
const SPENT_NS_MAX = 0.1e9;

/** A lane as far as it is tidied. */
export interface TidyLane {
  /** Requests that it was given so far. */
  readonly asked: number;
  readonly isIdle: boolean;
  /** Gives back what it does not need, for some 20 ms; never rejects. */
  tidy(): Promise<void>;
}

/** Has lanes that loaded something give back what that has left, each once it is quiet, one at a time. */
export class Tidying {
  readonly #clock: Clock;
  /** What they had been asked when they were looked at last. */
  readonly #lanes = new Map<TidyLane, number>();
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A lane has loaded something. */
  want(lane: TidyLane): void {
    this.#lanes.set(lane, lane.asked);
    this.#timer ??= this.#nextTurn();
  }

  /** A lane has ended. */
  forget(lane: TidyLane): void {
    this.#lanes.delete(lane);
    if (this.#lanes.size === 0) this.#rest();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #nextTurn(): Timer {
    return this.#clock.setTimer(TURN_NS, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    const endNs = this.#clock.nowNs() + SPENT_NS_MAX;
    for (const [lane, asked] of [...this.#lanes]) {
      if (!this.#lanes.has(lane)) continue;
      if (!lane.isIdle || lane.asked !== asked) this.#lanes.set(lane, lane.asked);
      else if (this.#clock.nowNs() < endNs) {
        this.#lanes.delete(lane);
        await lane.tidy();
      }
    }
    this.#rest();
    if (this.#lanes.size > 0) this.#timer = this.#nextTurn();
  }
}
