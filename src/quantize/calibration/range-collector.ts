import type { CalibrationMethod } from '../../model-config/quantization.js';
import type { Range } from '../method.js';
import { Histogram } from './histogram.js';
import { entropyRange, percentileRange } from './range-rules.js';

/** Takes in all that is seen of one value, in bounded memory, and tells the range that follows. */
export class RangeCollector {
  readonly #method: CalibrationMethod;
  readonly #percent: number;
  readonly #histogram: Histogram | null;
  #min = 0;
  #max = 0;

  /** `percent` is read by the method `percentile` only. */
  constructor(method: CalibrationMethod, percent: number) {
    this.#method = method;
    this.#percent = percent;
    this.#histogram = method === 'min-max' ? null : new Histogram();
  }

  /** Returns whether all `values` are finite; those of a call with others are left out. */
  add(values: Float32Array): boolean {
    let min = 0;
    let max = 0;
    // Of numbers times zero only those that are not finite leave a trace; a test for each would cost more.
    let trace = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      trace += value * 0;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (Number.isNaN(trace)) return false;
    this.#histogram?.add(values, min, max);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
    return true;
  }

  /** Zero is always inside; both ends are 0 when nothing else was seen. */
  range(): Range {
    const seen = { min: this.#min, max: this.#max };
    if (this.#histogram === null) return seen;
    return this.#method === 'entropy'
      ? entropyRange(this.#histogram, seen)
      : percentileRange(this.#histogram, seen, this.#percent);
  }
}
