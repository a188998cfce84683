import { isUtf8 } from 'node:buffer';

/** Above this many bytes a view and two native calls cost less than looking at each byte here. */
const BYTEWISE_MAX = 128;

/** Whether bytes `start` to `end` (exclusive) of `data` are UTF-8 without NUL bytes. */
export function isText(data: Uint8Array, start: number, end: number): boolean {
  if (end - start > BYTEWISE_MAX) {
    const bytes = data.subarray(start, end);
    return isUtf8(bytes) && !bytes.includes(0);
  }
  for (let at = start; at < end; ) {
    const byte = data[at] as number;
    if (byte < 0x80) {
      if (byte === 0) return false;
      at++;
      continue;
    }
    const length = characterLength(data, at, end);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

/**
 * Bytes of the character at `at`, which is not ASCII; 0 when it is not well-formed: table 3-7 of the Unicode
 * Standard, which leaves out surrogates, overlong forms and what lies beyond U+10FFFF.
 */
function characterLength(data: Uint8Array, at: number, end: number): number {
  const lead = data[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  const second = data[at + 1] as number;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  for (let rest = 2; rest < length; rest++) {
    if (((data[at + rest] as number) & 0xc0) !== 0x80) return 0;
  }
  return length;
}
