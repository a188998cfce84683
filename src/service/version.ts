import { modelErrors } from '../errors/catalogue.js';
import { LATEST } from '../lifecycle/catalog.js';

const INT64_MAX = 2n ** 63n - 1n;

/** Digits of the longest integer that can fit, its sign included. */
const INT64_DIGITS_MAX = 20;

/**
 * The version that a request names: '' = {@link LATEST}. Reads a leading integer and ignores the rest,
 * as Triton does with `stol` (`1abc` is 1). Throws INVALID_ARGUMENT with Triton's texts.
 */
export function parseVersion(text: string): number {
  if (text === '') return LATEST;
  const digits = /^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1];
  if (digits === undefined) throw modelErrors.versionNotInteger(text);
  // BigInt of millions of digits would take seconds.
  const significant = digits.replace(/^([+-]?)0+(?=\d)/, '$1');
  if (significant.length > INT64_DIGITS_MAX) throw modelErrors.versionNotInteger(text);
  const value = BigInt(significant);
  if (value > INT64_MAX || value < -INT64_MAX - 1n) throw modelErrors.versionNotInteger(text);
  if (value < 0n) throw modelErrors.versionNegative(text);
  return Number(value);
}
