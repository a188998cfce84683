import type { Log } from '../telemetry/log.js';

/**
 * Whether models may be loaded at low priority. `wanted` is asked for each load; once a thread did not
 * get its priority back the answer is no for good.
 */
export class GentleLoads {
  readonly #wanted: () => boolean;
  readonly #log: Log;
  #impossible = false;

  constructor(wanted: () => boolean, log: Log) {
    this.#wanted = wanted;
    this.#log = log;
  }

  get allowed(): boolean {
    return !this.#impossible && this.#wanted();
  }

  /** A thread of this lane has kept the low priority. */
  failed(lane: number): void {
    if (this.#impossible) return;
    this.#impossible = true;
    this.#log.warn(
      { lane },
      'a lane thread could not get its priority back after a load and stays slow until its models are unloaded; later loads are made at normal priority',
    );
  }
}
