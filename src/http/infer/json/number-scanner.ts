import type { Buffer } from 'node:buffer';
import { DOT, letter, MINUS, ZERO } from './bytes.js';
import { skipNumber } from './skip-number.js';

const LOWER_E = letter('e');
const UPPER_E = letter('E');
const UPPER_I = letter('I');
const UPPER_N = letter('N');

/** Digits that count; what follows changes a value by less than 1e-18 of it. */
const DIGITS_MAX = 19;

/** Decimal digits whose number a double always holds exactly. */
export const EXACT_DIGITS = 15;

/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const EXACT_EXPONENT_MAX = POWERS.length - 1;

const SINGLE_MIN_NORMAL = 2 ** -126;
const SINGLE_MAX = (2 - 2 ** -23) * 2 ** 127;

const DOUBLE = new Float64Array(1);
/** Its low half first. */
const DOUBLE_BITS = new Uint32Array(DOUBLE.buffer);
/** Bits of a double that a float has no room for. */
const DROPPED_BITS = 0x1fffffff;
const HALFWAY = 0x10000000;
/** How far, in units of a double's last place, an approximation may be off; it is off by 20 at most. */
const UNSURE = 64;

/**
 * Reads numbers that have been checked before, one after the other. It holds the parts of the last one, so
 * that nothing is allocated per number.
 */
export class NumberScanner {
  readonly #bytes: Buffer;
  #start = 0;
  end = 0;
  isNegative = false;
  /** Whether it has neither a point nor an exponent. */
  isInteger = true;
  /** Value of the digits, exact up to {@link EXACT_DIGITS} of them. */
  mantissa = 0;
  /** Digits in `mantissa` from the first on that is not zero. */
  digits = 0;
  #exponent = 0;
  #isNamed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Reads the number at `start`; false when there is another kind of value. */
  scan(start: number): boolean {
    const bytes = this.#bytes;
    let at = start;
    this.#start = start;
    this.isNegative = bytes[at] === MINUS;
    if (this.isNegative) at++;
    const firstDigit = at;
    let mantissa = 0;
    let digits = 0;
    let exponent = 0;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >= 0 && digit <= 9) {
      if (digits < DIGITS_MAX) {
        mantissa = mantissa * 10 + digit;
        if (mantissa !== 0) digits++;
      } else exponent++;
      digit = (bytes[++at] as number) - ZERO;
    }
    if (at === firstDigit) return this.#scanName(at);
    this.#isNamed = false;
    this.isInteger = true;
    if (bytes[at] === DOT) {
      this.isInteger = false;
      digit = (bytes[++at] as number) - ZERO;
      while (digit >= 0 && digit <= 9) {
        if (digits < DIGITS_MAX) {
          mantissa = mantissa * 10 + digit;
          if (mantissa !== 0) digits++;
          exponent--;
        }
        digit = (bytes[++at] as number) - ZERO;
      }
    }
    if (bytes[at] === LOWER_E || bytes[at] === UPPER_E) {
      this.isInteger = false;
      const exponentStart = at + 1;
      at = skipNumber(bytes, start);
      exponent += Number(bytes.toString('latin1', exponentStart, at));
    }
    this.end = at;
    this.mantissa = mantissa;
    this.digits = digits;
    this.#exponent = exponent;
    return true;
  }

  /** Its text. */
  get text(): string {
    return this.#bytes.toString('latin1', this.#start, this.end);
  }

  /** The double nearest to it. */
  toDouble(): number {
    if (!this.#isNamed && this.digits <= EXACT_DIGITS && Math.abs(this.#exponent) <= EXACT_EXPONENT_MAX) {
      return this.#estimate();
    }
    return this.#parse();
  }

  /**
   * The float nearest to the double nearest to it: what Triton makes of a number. Rounding tells from an
   * estimate nearly always, which is five times as fast as finding the double.
   */
  toSingle(): number {
    if (this.#isNamed || Math.abs(this.#exponent) > EXACT_EXPONENT_MAX) return this.#parse();
    const estimate = this.#estimate();
    if (this.digits <= EXACT_DIGITS) return estimate;
    const magnitude = Math.abs(estimate);
    if (magnitude < SINGLE_MIN_NORMAL || magnitude > SINGLE_MAX) return this.#parse();
    DOUBLE[0] = estimate;
    const dropped = (DOUBLE_BITS[0] as number) & DROPPED_BITS;
    return Math.abs(dropped - HALFWAY) < UNSURE ? this.#parse() : estimate;
  }

  /** Exact when digits and exponent are few: then both are, and a single operation rounds once. */
  #estimate(): number {
    const exponent = this.#exponent;
    const power = POWERS[Math.abs(exponent)] as number;
    const value = exponent < 0 ? this.mantissa / power : this.mantissa * power;
    return this.isNegative ? -value : value;
  }

  #parse(): number {
    const { text } = this;
    if (!this.#isNamed) return Number(text);
    if (text.endsWith('NaN')) return Number.NaN;
    return this.isNegative ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  #scanName(at: number): boolean {
    const first = this.#bytes[at];
    if (first !== UPPER_N && first !== UPPER_I) return false;
    this.#isNamed = true;
    this.isInteger = false;
    this.end = skipNumber(this.#bytes, this.#start);
    return true;
  }
}
