/**
 * The value below which `fraction` of the sorted values lie; NaN for none.
 * @param {Float64Array | readonly number[]} sorted
 * @param {number} fraction
 */
export function quantile(sorted, fraction) {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * p50, p99 and mean of the first `count` values.
 * @param {Float64Array} values
 * @param {number} count
 */
export function summarize(values, count) {
  const sorted = values.slice(0, count).sort();
  const sum = sorted.reduce((total, value) => total + value, 0);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), mean: sum / Math.max(1, count) };
}
