const WINDOWS = 5;

/** One fifth of the minute that quantiles are of, as Triton's. */
const WINDOW_NS = 12e9;

/** Buckets per doubling; their middle is at most 1.6 % away from any value in them. */
const STEPS = 32;
const STEP_BITS = 5;
const VALUE_MAX = 2 ** 31 - 1;
const BUCKETS = bucketOf(VALUE_MAX) + 1;

/** Values of the last minute in buckets as wide as their values are large, so that any quantile is 1.6 % exact at worst. */
export class SlidingSummary {
  /** Since it was made. */
  count = 0;
  sum = 0;
  readonly #windows: Uint32Array[] = [];
  readonly #periods: number[] = [];

  /** `value` is whole, from 0; `nowNs` monotonic. */
  observe(value: number, nowNs: number): void {
    const whole = Math.min(VALUE_MAX, Math.max(0, Math.floor(value)));
    this.count++;
    this.sum += whole;
    const window = this.#windowAt(Math.floor(nowNs / WINDOW_NS));
    const bucket = bucketOf(whole);
    window[bucket] = (window[bucket] as number) + 1;
  }

  /** The values that `quantiles`, ascending, are below; NaN each when there were none in the last minute. */
  quantiles(quantiles: readonly number[], nowNs: number): number[] {
    const counts = new Float64Array(BUCKETS);
    const oldest = Math.floor(nowNs / WINDOW_NS) - WINDOWS + 1;
    let total = 0;
    this.#windows.forEach((window, slot) => {
      if ((this.#periods[slot] as number) < oldest) return;
      window.forEach((count, bucket) => {
        counts[bucket] = (counts[bucket] as number) + count;
        total += count;
      });
    });
    return quantiles.map((quantile) => (total === 0 ? Number.NaN : valueAt(counts, quantile * total)));
  }

  #windowAt(period: number): Uint32Array {
    const slot = period % WINDOWS;
    let window = this.#windows[slot];
    if (window === undefined) {
      // All at once: models that nobody asks need none.
      for (let other = 0; other < WINDOWS; other++) {
        this.#windows.push(new Uint32Array(BUCKETS));
        this.#periods.push(Number.NEGATIVE_INFINITY);
      }
      window = this.#windows[slot] as Uint32Array;
    }
    if (this.#periods[slot] !== period) {
      window.fill(0);
      this.#periods[slot] = period;
    }
    return window;
  }
}

function bucketOf(value: number): number {
  if (value < STEPS) return value;
  const doublings = 31 - Math.clz32(value) - STEP_BITS;
  return doublings * STEPS + (value >>> doublings);
}

/** The middle of a bucket. */
function middleOf(bucket: number): number {
  if (bucket < STEPS) return bucket;
  const doublings = Math.floor(bucket / STEPS) - 1;
  const low = (bucket - doublings * STEPS) * 2 ** doublings;
  return low + (2 ** doublings - 1) / 2;
}

function valueAt(counts: Float64Array, rank: number): number {
  let below = 0;
  let last = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const count = counts[bucket] as number;
    if (count === 0) continue;
    below += count;
    last = bucket;
    if (below >= rank) break;
  }
  return middleOf(last);
}
