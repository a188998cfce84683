const DELAY_NS_MIN = 100e6;
const DELAY_NS_MAX = 10e9;
/** A lane that has lived this long was not killed by what it holds: count from the start again. */
const STEADY_NS = 60e9;

/** Waiting time before a lost lane's instances are loaded again: 100 ms, doubling up to 10 s. */
export class ReloadDelay {
  #attempts = 0;
  #lastNs = Number.NEGATIVE_INFINITY;

  /** The delay of the attempt that is to be made at `nowNs` at the earliest. */
  next(nowNs: number): number {
    if (nowNs - this.#lastNs > STEADY_NS) this.#attempts = 0;
    const delayNs = Math.min(DELAY_NS_MIN * 2 ** this.#attempts, DELAY_NS_MAX);
    this.#attempts++;
    this.#lastNs = nowNs + delayNs;
    return delayNs;
  }
}
