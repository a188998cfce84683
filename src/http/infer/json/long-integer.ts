import type { Buffer } from 'node:buffer';
import { MINUS, ZERO } from './bytes.js';

/** The most that 64 bits hold. */
const DIGITS_MAX = 20;

/** Digits of the lower part that an integer is read in, and what the upper one counts. */
const LOW_DIGITS = 9;
const BILLION = 1e9;

const WORD = 2 ** 32;
const HALF_WORD = 2 ** 16;
const SIGN_BIT = 2 ** 31;

/**
 * Writes the integer between `start` and `end`, digits behind a sign, as 64 bits; false when they don't
 * hold it. Exact without the bigints that would take ten times as long: all products here fit a double.
 */
export function writeLong(
  bytes: Buffer,
  start: number,
  end: number,
  isSigned: boolean,
  out: Buffer,
  offset: number,
): boolean {
  const isNegative = bytes[start] === MINUS;
  const first = isNegative ? start + 1 : start;
  if (end - first > DIGITS_MAX) return false;
  const middle = Math.max(first, end - LOW_DIGITS);
  const upper = digits(bytes, first, middle);
  // upper * 10^9 as a high part, in units of 2^16, and a low one.
  const upperHalf = Math.floor(upper / HALF_WORD);
  const high = upperHalf * BILLION;
  const low = (upper - upperHalf * HALF_WORD) * BILLION + digits(bytes, middle, end);
  // Remainders without the operator, which is slow for doubles.
  const highPart = Math.floor(high / HALF_WORD);
  const lowPart = Math.floor(low / WORD);
  const lowSum = (high - highPart * HALF_WORD) * HALF_WORD + (low - lowPart * WORD);
  const carry = lowSum >= WORD ? 1 : 0;
  const lowWord = lowSum - carry * WORD;
  const highWord = highPart + lowPart + carry;
  if (!isSigned) {
    if (highWord >= WORD || (isNegative && (highWord > 0 || lowWord > 0))) return false;
  } else if (highWord >= SIGN_BIT && !(isNegative && highWord === SIGN_BIT && lowWord === 0)) return false;
  // Two's complement: the carry reaches the high word when the low one is 0.
  const carried = isNegative && lowWord > 0 ? -highWord - 1 : -highWord;
  out.writeInt32LE((isNegative ? -lowWord : lowWord) | 0, offset);
  out.writeInt32LE((isNegative ? carried : highWord) | 0, offset + 4);
  return true;
}

/** Value of at most 15 digits. */
function digits(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + (bytes[at] as number) - ZERO;
  return value;
}
