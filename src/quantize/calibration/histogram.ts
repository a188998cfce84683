/** Bins of a histogram, at most; half of them at least are used unless the values are few. */
export const HISTOGRAM_BINS = 2048;

/** No bin is narrower than the least normal float. */
const EXPONENT_MIN = -126;

/**
 * How often values fell into bins of equal width, for a stream of any length in bounded memory. The width is a
 * power of two and bins begin at its multiples, so zero is always an edge; when the values outgrow the bins,
 * neighbours are joined. So the result depends on the values only, never on their order or how they were cut up.
 */
export class Histogram {
  /** log2 of the width of a bin. */
  #exponent = EXPONENT_MIN;
  /** Of the first bin: its lower edge in widths. */
  #first = 0;
  #counts = new Float64Array(1);
  #total = 0;

  /** Counts `values`, all of which lie in min..max and are finite. */
  add(values: Float32Array, min: number, max: number): void {
    if (values.length === 0) return;
    this.#reach(min, max);
    const perWidth = 2 ** -this.#exponent;
    const first = this.#first;
    const counts = this.#counts;
    for (let i = 0; i < values.length; i++) {
      const bin = Math.floor((values[i] as number) * perWidth) - first;
      counts[bin] = (counts[bin] as number) + 1;
    }
    this.#total += values.length;
  }

  /** Width of a bin. */
  get width(): number {
    return 2 ** this.#exponent;
  }

  /** Lower edge of the first bin, at most 0. */
  get start(): number {
    return this.#first * this.width;
  }

  /** Of each bin from `start` on. */
  get counts(): Float64Array {
    return this.#counts;
  }

  /** Values counted. */
  get total(): number {
    return this.#total;
  }

  /** Makes room for min..max. */
  #reach(min: number, max: number): void {
    let exponent = this.#exponent;
    let joined = 1;
    let first: number;
    let last: number;
    for (; ; exponent++, joined *= 2) {
      // Rounding down twice is rounding down once: indices of wide bins follow from those of narrow ones.
      first = Math.min(Math.floor(this.#first / joined), Math.floor(min / 2 ** exponent));
      last = Math.max(
        Math.floor((this.#first + this.#counts.length - 1) / joined),
        Math.floor(max / 2 ** exponent),
      );
      if (last - first < HISTOGRAM_BINS) break;
    }
    if (exponent === this.#exponent && first === this.#first && last - first + 1 === this.#counts.length) {
      return;
    }
    const counts = new Float64Array(last - first + 1);
    this.#counts.forEach((count, index) => {
      const bin = Math.floor((this.#first + index) / joined) - first;
      counts[bin] = (counts[bin] as number) + count;
    });
    this.#exponent = exponent;
    this.#first = first;
    this.#counts = counts;
  }
}
