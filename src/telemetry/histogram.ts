/** A histogram as it is at one moment. */
export interface HistogramView {
  /** Values up to each bound, all of lower buckets included; the last is those of all values. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/**
 * Values counted by bucket: an addition and a search among few bounds for each, no memory for any. Values
 * come in a fine unit, nanoseconds for instance, bounds and sums in a coarser one, of which it is `unit` parts.
 */
export class Histogram {
  /** Upper bounds, ascending, each in its bucket. */
  readonly bounds: readonly number[];
  readonly #unit: number;
  readonly #limits: Float64Array;
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[], unit = 1) {
    this.bounds = bounds;
    this.#unit = unit;
    this.#limits = Float64Array.from(bounds, (bound) => (unit === 1 ? bound : Math.round(bound * unit)));
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const limits = this.#limits;
    let low = 0;
    let high = limits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= (limits[middle] as number)) high = middle;
      else low = middle + 1;
    }
    this.#counts[low] = (this.#counts[low] as number) + 1;
    this.#sum += value;
  }

  view(): HistogramView {
    let count = 0;
    const cumulative = Array.from(this.#counts, (own) => {
      count += own;
      return count;
    });
    return { cumulative, count, sum: this.#sum / this.#unit };
  }
}
