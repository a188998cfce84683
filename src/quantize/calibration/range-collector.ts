import type { CalibrationMethod } from '../../model-config/quantization.js';
import type { Range } from '../method.js';
import { ChannelMeans } from './channel-means.js';
import { Histogram } from './histogram.js';
import { entropyRange, percentileRange } from './range-rules.js';

/** Takes in all that is seen of one value, in bounded memory, and tells the range that follows. */
export class RangeCollector {
  readonly #method: CalibrationMethod;
  readonly #percent: number;
  readonly #histogram: Histogram | null;
  readonly #means = new ChannelMeans();
  #min = 0;
  #max = 0;

  /** `percent` is read by the method `percentile` only. */
  constructor(method: CalibrationMethod, percent: number) {
    this.#method = method;
    this.#percent = percent;
    this.#histogram = method === 'min-max' ? null : new Histogram();
  }

  /** Takes in a tensor of shape `dims`. Returns whether all its elements are finite; else it is of no use any more. */
  add(values: Float32Array, dims: readonly number[]): boolean {
    // Doubles hold any sum of floats; only those that are not finite make it NaN or infinite.
    if (!Number.isFinite(this.#means.add(values, dims))) return false;
    let min = 0;
    let max = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.#histogram?.add(values, min, max);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
    return true;
  }

  /** Zero is always inside; both ends are 0 when nothing else was seen. */
  range(): Range {
    const { min, max } = this.#range();
    const channelMeans = this.#means.means();
    return channelMeans === null ? { min, max } : { min, max, channelMeans };
  }

  #range(): Range {
    const seen = { min: this.#min, max: this.#max };
    if (this.#histogram === null) return seen;
    return this.#method === 'entropy'
      ? entropyRange(this.#histogram, seen)
      : percentileRange(this.#histogram, seen, this.#percent);
  }
}
