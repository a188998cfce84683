import type { Clock } from '../lib/clock.js';
import { type Family, scalarFamily } from './metric-text.js';

/** What the lanes have done. */
export interface LaneActivity {
  readonly lanes: number;
  /** Time that models ran, of all lanes since the start, the ones that are gone included. */
  readonly busyNs: number;
}

/** How much of their time the lanes spend running models. */
export class LaneUsage {
  readonly #clock: Clock;
  readonly #intervalNs: number;
  #beforeNs: number;
  #busyBeforeNs = 0;
  #ratio = 0;

  /** @param intervalMs the least time that a ratio is about */
  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalNs = intervalMs * 1e6;
    this.#beforeNs = clock.nowNs();
  }

  families({ lanes, busyNs }: LaneActivity): Family[] {
    const nowNs = this.#clock.nowNs();
    const elapsedNs = nowNs - this.#beforeNs;
    if (elapsedNs >= this.#intervalNs) {
      this.#ratio = lanes === 0 ? 0 : Math.min(1, (busyNs - this.#busyBeforeNs) / (elapsedNs * lanes));
      this.#beforeNs = nowNs;
      this.#busyBeforeNs = busyNs;
    }
    return [
      scalarFamily('naiad_lanes', 'gauge', 'Threads that run models', lanes),
      scalarFamily('naiad_lane_busy_seconds_total', 'counter', 'Time that threads ran models', busyNs / 1e9),
      scalarFamily(
        'naiad_lane_busy_ratio',
        'gauge',
        'Part of their time that the threads ran models [0.0 - 1.0], lately',
        this.#ratio,
      ),
    ];
  }
}
