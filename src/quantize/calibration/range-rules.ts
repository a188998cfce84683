import type { Range } from '../method.js';
import type { Histogram } from './histogram.js';

/** Levels that the entropy rule squeezes a window into. */
const ENTROPY_LEVELS = 128;
/** What the squeezed distribution expects where a bin was empty, as in MXNet and ONNX Runtime. */
const EMPTY_BIN_SHARE = 1e-4;
/** Windows that the entropy rule compares at most. */
const ENTROPY_WINDOWS_MAX = 256;

/**
 * The range that `percent` per cent of the values lie in, the same share of the others on either side; zero is
 * always inside, and the range never reaches beyond `seen`. It is as fine as the histogram's bins.
 */
export function percentileRange(histogram: Histogram, seen: Range, percent: number): Range {
  const { counts, total, start, width } = histogram;
  const outside = ((100 - percent) / 200) * total;
  let below = 0;
  let first = 0;
  while (first < counts.length - 1 && below + (counts[first] as number) <= outside) {
    below += counts[first] as number;
    first++;
  }
  let above = 0;
  let last = counts.length - 1;
  while (last > 0 && above + (counts[last] as number) <= outside) {
    above += counts[last] as number;
    last--;
  }
  return within(seen, start + first * width, start + (last + 1) * width);
}

/**
 * The range that loses least information, by the rule of TensorRT ("8-bit Inference with TensorRT", S. Migacz,
 * GTC 2017), on both sides of zero as ONNX Runtime's entropy calibrator does it: for windows of growing width
 * around zero, cut at what was seen, the distribution inside, with what lies outside heaped on its edges, is
 * compared with the same squeezed into 128 levels; the window of the least Kullback-Leibler divergence wins.
 * Zeros, of which there are many behind a Relu and which every scale meets, count as the bin beside them, as in
 * NVIDIA's pytorch-quantization.
 */
export function entropyRange(histogram: Histogram, seen: Range): Range {
  const { start, width } = histogram;
  const zero = Math.round(-start / width);
  const counts = histogram.counts.slice();
  counts[zero] = counts[zero + 1] ?? 0;
  // Bins on the longer side of zero.
  const reachMax = Math.max(zero, counts.length - zero);
  const step = Math.max(1, Math.ceil(reachMax / ENTROPY_WINDOWS_MAX));
  let best: Range = seen;
  let bestDivergence = Number.POSITIVE_INFINITY;
  for (let reach = reachMax; reach > 0; reach -= step) {
    const first = Math.max(0, zero - reach);
    const last = Math.min(counts.length, zero + reach);
    // Narrower windows have a level for each bin: nothing would be lost in them.
    if (last - first < ENTROPY_LEVELS) break;
    const divergence = squeezeDivergence(counts, first, last);
    if (divergence < bestDivergence) {
      bestDivergence = divergence;
      best = within(seen, start + first * width, start + last * width);
    }
  }
  return best;
}

/** KL divergence of bins first..last-1, the others heaped on the edges, from the same bins squeezed into levels. */
function squeezeDivergence(counts: Float64Array, first: number, last: number): number {
  const bins = last - first;
  let below = 0;
  for (let i = 0; i < first; i++) below += counts[i] as number;
  let above = 0;
  for (let i = last; i < counts.length; i++) above += counts[i] as number;
  let inside = 0;
  for (let i = first; i < last; i++) inside += counts[i] as number;
  const total = inside + below + above;
  if (inside === 0) return Number.POSITIVE_INFINITY;

  let divergence = 0;
  for (let level = 0; level < ENTROPY_LEVELS; level++) {
    const from = first + Math.floor((level * bins) / ENTROPY_LEVELS);
    const to = first + Math.floor(((level + 1) * bins) / ENTROPY_LEVELS);
    let sum = 0;
    let filled = 0;
    for (let i = from; i < to; i++) {
      const count = counts[i] as number;
      sum += count;
      if (count > 0) filled++;
    }
    for (let i = from; i < to; i++) {
      const count = counts[i] as number;
      let reference = count;
      if (i === first) reference += below;
      if (i === last - 1) reference += above;
      if (reference === 0) continue;
      const expected = count === 0 ? EMPTY_BIN_SHARE : sum / filled / inside;
      divergence += (reference / total) * Math.log(reference / total / expected);
    }
  }
  return divergence;
}

/** The range from `low` to `high`, cut at `seen`, with zero inside. */
function within(seen: Range, low: number, high: number): Range {
  return { min: Math.min(0, Math.max(seen.min, low)), max: Math.max(0, Math.min(seen.max, high)) };
}
