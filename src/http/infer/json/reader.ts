import { Buffer } from 'node:buffer';
import { LIMITS } from '../../../settings/limits.js';
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  isDigit,
  isSpace,
  letter,
  MINUS,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './bytes.js';
import { JsonError } from './json-error.js';
import { skipNumber } from './skip-number.js';
import { skipString, writeString } from './strings.js';

const BYTE_ORDER_MARK = Buffer.from('\ufeff');
const LOWER_F = letter('f');
const LOWER_N = letter('n');
const LOWER_T = letter('t');

const MISSING_COMMA = 'Missing a comma or ] after an array element.';
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * A value of a JSON text. Integers of 64 bits are bigint, all other numbers doubles: the two are told apart
 * as Triton does, `1` being an integer and `1.0` none. Of members with one name the first counts.
 */
export type JsonValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue>;

/** A value that has been passed over: where it lies, and how much it holds. */
export interface Passage {
  readonly start: number;
  readonly end: number;
  readonly isArray: boolean;
  /** Values in it and in arrays within it that are no arrays themselves. */
  readonly leaves: number;
  /** An upper bound on the bytes of the strings among them. */
  readonly stringBytes: number;
}

/** Reads a JSON text piece by piece, so that tensors never become JavaScript values. */
export class JsonReader {
  readonly bytes: Buffer;
  #at = 0;
  #depth = 0;
  #leaves = 0;
  #stringBytes = 0;
  #values = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const { length } = BYTE_ORDER_MARK;
    if (BYTE_ORDER_MARK.equals(bytes.subarray(0, length))) this.#at = length;
    if (this.peek() === undefined) throw new JsonError('The document is empty.', this.#at);
  }

  /** The next byte that is no space; undefined at the end. */
  peek(): number | undefined {
    while (isSpace(this.bytes[this.#at])) this.#at++;
    return this.bytes[this.#at];
  }

  /** Whether an object comes next. */
  get isObject(): boolean {
    return this.peek() === OPEN_BRACE;
  }

  /** Whether an array comes next. */
  get isArray(): boolean {
    return this.peek() === OPEN_BRACKET;
  }

  /** Visits the members of an object; `visit` reads the value. Throws JsonError. */
  object(visit: (name: string) => void): void {
    this.#enter();
    if (this.peek() === CLOSE_BRACE) this.#at++;
    else {
      do {
        if (this.peek() !== QUOTE) throw new JsonError('Missing a name for object member.', this.#at);
        const name = this.#string();
        if (this.peek() !== COLON) {
          throw new JsonError('Missing a colon after a name of object member.', this.#at);
        }
        this.#at++;
        visit(name);
      } while (this.#continues(CLOSE_BRACE, "Missing a comma or '}' after an object member."));
    }
    this.#depth--;
  }

  /** Visits the elements of an array; `visit` reads each. Throws JsonError. */
  array(visit: () => void): void {
    this.#enter();
    if (this.peek() === CLOSE_BRACKET) this.#at++;
    else {
      do visit();
      while (this.#continues(CLOSE_BRACKET, MISSING_COMMA));
    }
    this.#depth--;
  }

  /** The next value, whatever it is. Throws JsonError, also for more values than requests have use for. */
  value(): JsonValue {
    if (++this.#values > LIMITS.jsonValuesMax) {
      throw new JsonError(`More than ${LIMITS.jsonValuesMax} values besides data.`, this.#at);
    }
    switch (this.peek()) {
      case OPEN_BRACE: {
        const members = new Map<string, JsonValue>();
        this.object((name) => {
          const value = this.value();
          if (!members.has(name)) members.set(name, value);
        });
        return members;
      }
      case OPEN_BRACKET: {
        const elements: JsonValue[] = [];
        this.array(() => elements.push(this.value()));
        return elements;
      }
      case QUOTE:
        return this.#string();
      case LOWER_T:
        return this.#word('true', true);
      case LOWER_F:
        return this.#word('false', false);
      case LOWER_N:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  /** Passes over the next value, which is checked. Throws JsonError. */
  pass(): Passage {
    const [leaves, stringBytes] = [this.#leaves, this.#stringBytes];
    const isArray = this.isArray;
    const start = this.#at;
    this.#pass();
    return {
      start,
      end: this.#at,
      isArray,
      leaves: this.#leaves - leaves,
      stringBytes: this.#stringBytes - stringBytes,
    };
  }

  /** Throws JsonError when anything follows. */
  end(): void {
    if (this.peek() !== undefined) {
      throw new JsonError('The document root must not be followed by other values.', this.#at);
    }
  }

  #enter(): void {
    if (++this.#depth > LIMITS.jsonDepthMax) {
      throw new JsonError(`Nesting deeper than ${LIMITS.jsonDepthMax}.`, this.#at);
    }
    this.#at++;
  }

  /** Takes the comma before the next item, or the end of all. */
  #continues(close: number, missing: string): boolean {
    const byte = this.peek();
    if (byte !== COMMA && byte !== close) throw new JsonError(missing, this.#at);
    this.#at++;
    return byte === COMMA;
  }

  #pass(): void {
    const { bytes } = this;
    switch (this.peek()) {
      case OPEN_BRACKET:
        this.#passArray();
        return;
      case OPEN_BRACE: {
        // What is in it are no elements.
        const [leaves, stringBytes] = [this.#leaves, this.#stringBytes];
        this.object(() => this.#pass());
        this.#leaves = leaves + 1;
        this.#stringBytes = stringBytes;
        return;
      }
      case QUOTE: {
        const start = this.#at;
        this.#at = skipString(bytes, start);
        this.#stringBytes += this.#at - start - 2;
        break;
      }
      case LOWER_T:
        this.#word('true', true);
        break;
      case LOWER_F:
        this.#word('false', false);
        break;
      case LOWER_N:
        this.#word('null', null);
        break;
      default:
        this.#at = skipNumber(bytes, this.#at);
    }
    this.#leaves++;
  }

  /** {@link array} of millions of numbers: without a call, or a field to write, for each. */
  #passArray(): void {
    const { bytes } = this;
    this.#enter();
    if (this.peek() === CLOSE_BRACKET) {
      this.#at++;
      this.#depth--;
      return;
    }
    let at = this.#at;
    let numbers = 0;
    for (;;) {
      while (isSpace(bytes[at])) at++;
      const byte = bytes[at];
      if (isDigit(byte) || byte === MINUS) {
        at = skipNumber(bytes, at);
        numbers++;
      } else {
        this.#at = at;
        this.#pass();
        at = this.#at;
      }
      while (isSpace(bytes[at])) at++;
      if (bytes[at] === COMMA) at++;
      else break;
    }
    this.#at = at;
    this.#leaves += numbers;
    this.#continues(CLOSE_BRACKET, MISSING_COMMA);
    this.#depth--;
  }

  #string(): string {
    const { bytes } = this;
    const start = this.#at + 1;
    this.#at = skipString(bytes, this.#at);
    const end = this.#at - 1;
    const text = bytes.subarray(start, end);
    if (!text.includes(BACKSLASH)) return text.toString('utf8');
    const out = Buffer.allocUnsafe(end - start);
    return out.toString('utf8', 0, writeString(bytes, start, end, out, 0));
  }

  #word<T>(word: string, value: T): T {
    const end = this.#at + word.length;
    if (this.bytes.toString('latin1', this.#at, end) !== word) {
      throw new JsonError('Invalid value.', this.#at);
    }
    this.#at = end;
    return value;
  }

  #number(): bigint | number {
    const start = this.#at;
    this.#at = skipNumber(this.bytes, start);
    const text = this.bytes.toString('latin1', start, this.#at);
    return toNumber(text);
  }
}

/** Text of a number that has been checked. */
function toNumber(text: string): bigint | number {
  if (/^-?\d{1,20}$/.test(text)) {
    const integer = BigInt(text);
    if (integer >= INT64_MIN && integer <= UINT64_MAX) return integer;
  }
  if (text.endsWith('NaN')) return Number.NaN;
  return Number(text.replace(/Inf$/, 'Infinity'));
}
