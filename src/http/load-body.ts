import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { httpErrors } from '../errors/catalogue.js';
import type { Clock } from '../lib/clock.js';
import type { ControlParameter } from '../service/repository-control.js';
import { LIMITS } from '../settings/limits.js';
import { isObject, parseJson, toObject } from './json.js';
import type { HttpRequest } from './route.js';

/** Strings from this length on are looked at by themselves, and only when it is known what they are. */
const LONG_BYTES = 16 << 10;

/** What is done in one go between others' turns: a millisecond's work. */
const SLICE_BYTES = 256 << 10;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FILE_PREFIX = 'file:';

/**
 * The parameters of a load request: files, which JSON has in base64, decoded. Files are megabytes, so that
 * the work is done in slices, between which others have their turn. Rejects with ServingError.
 */
export async function readLoadParameters(
  request: HttpRequest,
  clock: Clock,
): Promise<ReadonlyMap<string, ControlParameter>> {
  const turn = (): Promise<void> => new Promise((resolve) => clock.afterTurn(resolve));
  const { value, longStrings } = await cutLongStrings(await request.body(), turn);
  const members = toObject(value);
  const parameters = Object.hasOwn(members, 'parameters') ? members.parameters : {};
  if (!isObject(parameters)) throw httpErrors.notObject('parameters');
  const read = new Map<string, ControlParameter>();
  for (const [key, member] of Object.entries(parameters)) {
    if (longStrings.has(key)) throw httpErrors.malformedJson('the name of a member is too long');
    if (typeof member === 'boolean') read.set(key, { kind: 'bool', value: member });
    else if (typeof member !== 'string') read.set(key, { kind: 'other' });
    else {
      const literal = longStrings.get(member);
      if (!key.startsWith(FILE_PREFIX)) {
        read.set(key, { kind: 'string', value: literal === undefined ? member : parseText(literal) });
      } else {
        const base64 = literal === undefined ? Buffer.from(member) : withoutQuotes(literal);
        request.hold(base64.length);
        read.set(key, { kind: 'bytes', value: await decodeBase64(key, base64, turn) });
      }
    }
  }
  return read;
}

interface CutJson {
  readonly value: unknown;
  /** The long strings as they stand in the text, by what stands for them in `value`. */
  readonly longStrings: ReadonlyMap<string, Buffer>;
}

/** Parses a text whose long strings are left out. */
async function cutLongStrings(text: Buffer, turn: () => Promise<void>): Promise<CutJson> {
  // Nobody can know it beforehand, so that nothing in the text can be taken for it.
  const mark = randomUUID();
  const longStrings = new Map<string, Buffer>();
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let keptUpTo = 0;
  const keep = (piece: Buffer): void => {
    keptBytes += piece.length;
    checkKept(keptBytes);
    kept.push(piece);
  };
  for (let start = text.indexOf(QUOTE); start >= 0; ) {
    let end = endWithin(text, start + 1, LONG_BYTES);
    if (end < 0) {
      end = await endOfString(text, start + 1, turn);
      const name = `${mark}:${longStrings.size}`;
      longStrings.set(name, text.subarray(start, end + 1));
      keep(text.subarray(keptUpTo, start));
      keep(Buffer.from(`"${name}"`));
      keptUpTo = end + 1;
    }
    start = text.indexOf(QUOTE, end + 1);
    checkKept(keptBytes + Math.max(start, end) - keptUpTo);
  }
  keep(text.subarray(keptUpTo));
  return { value: parseJson(Buffer.concat(kept, keptBytes)), longStrings };
}

/** All that is not in long strings is worked on at once, and bounded. */
function checkKept(bytes: number): void {
  if (bytes > LIMITS.otherRequestBytesMax) throw httpErrors.controlTooLarge(LIMITS.otherRequestBytesMax);
}

/** Index of the quote that ends the string which goes on at `from`, however long it is. */
async function endOfString(text: Buffer, from: number, turn: () => Promise<void>): Promise<number> {
  for (let start = from; start < text.length; ) {
    const end = endWithin(text, start, SLICE_BYTES);
    if (end >= 0) return end;
    start = -end;
    await turn();
  }
  throw httpErrors.malformedJson('a string does not end');
}

/** {@link endOfString} when it is one of the next bytes; else, negative, where to go on looking. */
function endWithin(text: Buffer, from: number, bytes: number): number {
  const stop = Math.min(from + bytes, text.length);
  let index = from;
  for (; index < stop; index++) {
    const byte = text[index];
    if (byte === BACKSLASH) index++;
    else if (byte === QUOTE) return index;
  }
  return -index;
}

function withoutQuotes(literal: Buffer): Buffer {
  return literal.subarray(1, -1);
}

function parseText(literal: Buffer): string {
  if (literal.length > LIMITS.otherRequestBytesMax)
    throw httpErrors.controlTooLarge(LIMITS.otherRequestBytesMax);
  return String(parseJson(literal));
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Decodes what stands in a JSON string, whose only escapes may be those of slashes and line ends. */
async function decodeBase64(key: string, text: Buffer, turn: () => Promise<void>): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(Math.ceil(text.length / 4) * 3);
  let length = 0;
  let rest = '';
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + SLICE_BYTES, text.length);
    // An escape stays with its backslash.
    if (text[to - 1] === BACKSLASH && to < text.length) to++;
    const piece = rest + text.toString('latin1', from, to).replace(/\\[/nr]|[\r\n]/g, unescapeSlash);
    const isLast = to === text.length;
    const usable = isLast ? piece.length : piece.length - (piece.length % 4);
    const slice = piece.slice(0, usable);
    if (!BASE64.test(slice) || (!isLast && slice.endsWith('='))) throw httpErrors.notBase64(key);
    length += bytes.write(slice, length, 'base64');
    rest = piece.slice(usable);
    from = to;
    if (!isLast) await turn();
  }
  return bytes.subarray(0, length);
}

const unescapeSlash = (escaped: string): string => (escaped === '\\/' ? '/' : '');
