import type { Clock, Timer } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import type { LoadGate } from './load-gate.js';

/** Where a model stands in the gate before it makes room: not at all, in the queue, or it is its turn. */
export type TurnState = 'none' | 'waiting' | 'held';

/**
 * A model's turn to load, taken before it makes room, so that it is not unserved while others load. One
 * whose requests take too long to make room goes to the end of the queue, and does not hold up the others.
 */
export class LoadTurn {
  readonly #gate: LoadGate;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #state: TurnState = 'none';
  #leave: () => void = () => {};
  #patience: Timer | null = null;
  /** How long it has waited for its turn, until that is told. */
  #waitedNs = 0;

  /** `onChange` is called when its turn has come, and when it was taken away. */
  constructor(gate: LoadGate, clock: Clock, onChange: () => void) {
    this.#gate = gate;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get state(): TurnState {
    return this.#state;
  }

  ask(): void {
    this.#state = 'waiting';
    const askedNs = this.#clock.nowNs();
    this.#leave = this.#gate.ask(() => {
      this.#state = 'held';
      this.#waitedNs = this.#clock.nowNs() - askedNs;
      this.#patience = this.#clock.setTimer(LIMITS.reloadWaitMs * 1e6, () => {
        this.yield();
        this.#onChange();
      });
      this.#onChange();
    });
  }

  /** Gives the turn back, or waits for it no longer. */
  yield(): void {
    this.#patience?.cancel();
    this.#state = 'none';
    this.#leave();
  }

  /**
   * Runs `load` in this turn, or where there is none when the gate lets it in; it is told how long that
   * took.
   */
  run<T>(load: (waitedNs: number) => Promise<T>): Promise<T> {
    const waitedNs = this.#waitedNs;
    this.#waitedNs = 0;
    if (this.#state === 'held') {
      this.#patience?.cancel();
      return load(waitedNs);
    }
    const askedNs = this.#clock.nowNs();
    return this.#gate.run(() => load(this.#clock.nowNs() - askedNs));
  }
}
