import type { Buffer } from 'node:buffer';
import { DOT, isDigit, letter, MINUS, NINE, PLUS, ZERO } from './bytes.js';
import { JsonError } from './json-error.js';

const LOWER_E = letter('e');
const UPPER_E = letter('E');
const UPPER_I = letter('I');
const UPPER_N = letter('N');

/** What a double may have before or behind its point without coming near its bounds. */
const PLAIN_DIGITS_MAX = 290;

/**
 * The end of the number that starts at `at`. NaN, Inf and Infinity are numbers, as in Triton; a number that
 * no double comes near is none. Throws JsonError.
 */
export function skipNumber(bytes: Buffer, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  let byte = bytes[at] as number;
  if (!isDigit(byte)) {
    if (byte === UPPER_N || byte === UPPER_I) return skipName(bytes, at);
    throw new JsonError('Invalid value.', start);
  }
  if (byte === ZERO) byte = bytes[++at] as number;
  else while (byte >= ZERO && byte <= NINE) byte = bytes[++at] as number;
  if (byte !== DOT && byte !== LOWER_E && byte !== UPPER_E && at - start <= PLAIN_DIGITS_MAX) return at;
  let mayOverflow = at - start > PLAIN_DIGITS_MAX;
  if (byte === DOT) {
    byte = bytes[++at] as number;
    if (!isDigit(byte)) throw new JsonError('Miss fraction part in number.', at);
    while (byte >= ZERO && byte <= NINE) byte = bytes[++at] as number;
  }
  if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
    at++;
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++;
    if (!isDigit(bytes[at])) throw new JsonError('Miss exponent in number.', at);
    const exponentStart = at;
    while (isDigit(bytes[at])) at++;
    mayOverflow ||= at - exponentStart > 2;
  }
  if (mayOverflow && !Number.isFinite(Number(bytes.toString('latin1', start, at)))) {
    throw new JsonError('Number too big to be stored in double.', start);
  }
  return at;
}

function skipName(bytes: Buffer, at: number): number {
  const name = ['NaN', 'Infinity', 'Inf'].find(
    (candidate) => bytes.toString('latin1', at, at + candidate.length) === candidate,
  );
  if (name === undefined) throw new JsonError('Invalid value.', at);
  return at + name.length;
}
