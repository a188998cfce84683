import type { Buffer } from 'node:buffer';
import { BACKSLASH, letter, QUOTE, SPACE } from './bytes.js';
import { JsonError } from './json-error.js';

const LOWER_U = letter('u');

/** What the character behind a backslash stands for; undefined where nothing does. */
const ESCAPES: readonly (number | undefined)[] = escapes();

function escapes(): (number | undefined)[] {
  const table = new Array<number | undefined>(256).fill(undefined);
  const pairs = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
  for (const [character, meaning] of Object.entries(pairs)) table[letter(character)] = letter(meaning);
  return table;
}

/** From here a run without escapes is copied by one call. */
const LONG_RUN_BYTES = 32;

/**
 * The end of the string whose quote stands at `start`, its own quote included. Bytes that are no UTF-8 pass,
 * as in Triton. Throws JsonError.
 */
export function skipString(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined) throw new JsonError('Missing a closing quotation mark in string.', start);
    if (byte === QUOTE) return at + 1;
    if (byte < SPACE) throw new JsonError('Invalid escape character in string.', at);
    if (byte === BACKSLASH) at = skipEscape(bytes, at);
    else at++;
  }
}

function skipEscape(bytes: Buffer, start: number): number {
  const character = bytes[start + 1];
  if (character !== LOWER_U) {
    if (character === undefined || ESCAPES[character] === undefined) {
      throw new JsonError('Invalid escape character in string.', start);
    }
    return start + 2;
  }
  const first = readHex(bytes, start + 2);
  if (first < 0xd800 || first > 0xdfff) return start + 6;
  const hasSecond = bytes[start + 6] === BACKSLASH && bytes[start + 7] === LOWER_U;
  const second = hasSecond && first <= 0xdbff ? readHex(bytes, start + 8) : 0;
  if (second < 0xdc00 || second > 0xdfff) {
    throw new JsonError('The surrogate pair in string is invalid.', start);
  }
  return start + 12;
}

function readHex(bytes: Buffer, at: number): number {
  const text = bytes.toString('latin1', at, at + 4);
  if (!/^[\da-fA-F]{4}$/.test(text)) {
    throw new JsonError('Incorrect hex digit after \\u escape in string.', at);
  }
  return Number.parseInt(text, 16);
}

/**
 * Writes what the string between two quotes, which has been skipped over before, stands for; returns the
 * end of it in `out`. It is never longer than the string.
 * @param start behind the first quote
 * @param end of the string, its last quote left out
 */
export function writeString(bytes: Buffer, start: number, end: number, out: Buffer, offset: number): number {
  let written = offset;
  let at = start;
  while (at < end) {
    const runStart = at;
    while (at < end && bytes[at] !== BACKSLASH) at++;
    if (at - runStart >= LONG_RUN_BYTES) {
      written += bytes.copy(out, written, runStart, at);
    } else {
      for (let from = runStart; from < at; from++) out[written++] = bytes[from] as number;
    }
    if (at === end) return written;
    const character = bytes[at + 1] as number;
    if (character === LOWER_U) {
      const next = skipEscape(bytes, at);
      const units = [readHex(bytes, at + 2), ...(next - at === 12 ? [readHex(bytes, at + 8)] : [])];
      written += out.write(String.fromCharCode(...units), written, 'utf8');
      at = next;
    } else {
      out[written++] = ESCAPES[character] as number;
      at += 2;
    }
  }
  return written;
}
