import { spread } from '../measure.mjs';

/**
 * @typedef {import('../context.mjs').Bound} Bound
 * @typedef {import('../measure.mjs').Slice} Slice
 *
 * @typedef {object} Report what one run of the bench found
 * @property {string} date ISO 8601
 * @property {ReturnType<typeof import('../system/machine.mjs').describeMachine>} machine
 * @property {import('../measure.mjs').Pace} pace
 * @property {CaseReport[]} cases
 *
 * @typedef {object} CaseReport
 * @property {string} name
 * @property {string} title
 * @property {string | null} skipped why
 * @property {string | null} failed of what
 * @property {BoundReport[]} bounds
 * @property {{ subject: string, rounds: readonly Slice[] }[]} subjects
 * @property {number} otherCores cores that others kept busy, where no slices tell; 0 = unknown
 * @property {import('./quantization.mjs').QuantizedNet | null} quantized
 *
 * @typedef {Bound & { median: number, min: number, max: number, met: boolean | null }} BoundReport
 *   `met` is judged by the median; null = not judged
 */

/** @param {Bound} bound @returns {BoundReport} */
export function judge(bound) {
  const { median, min, max } = spread(bound.values);
  const { limit } = bound;
  const met =
    limit === null ? null : limit.kind === 'atLeast' ? median >= limit.value : median <= limit.value;
  return { ...bound, median, min, max, met };
}

/** Three significant digits, thousands whole. @param {number} value */
export function digits(value) {
  if (!Number.isFinite(value)) return '-';
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3);
}

/**
 * `median [min-max]`, or the median alone where there is nothing else.
 * @param {readonly number[]} values
 * @param {(value: number) => string} write
 */
export function range(values, write = digits) {
  const { median, min, max } = spread(values);
  return values.length === 1 ? write(median) : `${write(median)} [${write(min)}-${write(max)}]`;
}

/** Rounded down: what misses an aim does not read as if it met it. @param {number} value @param {number} decimals */
export function floored(value, decimals) {
  return (Math.floor(value * 10 ** decimals) / 10 ** decimals).toFixed(decimals);
}

/**
 * Cores that other programs kept busy while a case ran; 0 where it is not known.
 * @param {CaseReport} report
 */
export function foreignCores({ subjects, otherCores }) {
  const slices = subjects.flatMap(({ rounds }) => rounds.map(({ otherCores }) => otherCores));
  return slices.length === 0 ? otherCores : spread(slices).median;
}
