import { Buffer } from 'node:buffer';
import { BYTE_SIZES, type Datatype } from '../../../tensor/datatype.js';
import { CLOSE_BRACKET, COMMA, isSpace, letter, OPEN_BRACKET, QUOTE } from './bytes.js';
import { writeLong } from './long-integer.js';
import { EXACT_DIGITS, NumberScanner } from './number-scanner.js';
import type { Passage } from './reader.js';
import { skipString, writeString } from './strings.js';

/** Why values are no elements of a tensor. */
export type ElementProblem = 'boolean' | 'signed-integer' | 'unsigned-integer' | 'double' | 'string' | Misfit;

/** An integer that its datatype has no room for. */
export interface Misfit {
  readonly index: number;
  readonly text: string;
}

/** Datatypes whose elements are written as JSON. */
export type JsonDatatype = Exclude<Datatype, 'FP16' | 'BF16'>;

/** Bytes of the length in front of each element of a BYTES tensor. */
const LENGTH_BYTES = 4;

const LOWER_T = letter('t');
const LOWER_F = letter('f');

/**
 * The values of a passage, nested in arrays as they may be, as raw little-endian data of a tensor, which
 * has its ArrayBuffer to itself; or why they are none. The passage has been checked before.
 */
export function toElements(bytes: Buffer, passage: Passage, datatype: JsonDatatype): Buffer | ElementProblem {
  const size =
    datatype === 'BYTES'
      ? passage.stringBytes + LENGTH_BYTES * passage.leaves
      : passage.leaves * BYTE_SIZES[datatype];
  const out = Buffer.allocUnsafeSlow(size);
  switch (datatype) {
    case 'BYTES':
      return readStrings(bytes, passage, out);
    case 'BOOL':
      return readBooleans(bytes, passage, out) ?? out;
    case 'FP32':
    case 'FP64':
      return readFloats(bytes, passage, datatype, out) ?? out;
    default:
      return readIntegers(bytes, passage, datatype, out) ?? out;
  }
}

/** Where the next value starts that is no array; `end` when there is none. */
function nextLeaf(bytes: Buffer, from: number, end: number): number {
  let at = from;
  for (; at < end; at++) {
    const byte = bytes[at];
    if (byte !== COMMA && byte !== OPEN_BRACKET && byte !== CLOSE_BRACKET && !isSpace(byte)) return at;
  }
  return at;
}

function readBooleans(bytes: Buffer, { start, end }: Passage, out: Buffer): ElementProblem | null {
  let index = 0;
  for (let at = nextLeaf(bytes, start, end); at < end; at = nextLeaf(bytes, at, end)) {
    const isTrue = bytes[at] === LOWER_T;
    if (!isTrue && bytes[at] !== LOWER_F) return 'boolean';
    out[index++] = isTrue ? 1 : 0;
    at += isTrue ? 4 : 5;
  }
  return null;
}

function readFloats(
  bytes: Buffer,
  { start, end }: Passage,
  datatype: 'FP32' | 'FP64',
  out: Buffer,
): ElementProblem | null {
  const isSingle = datatype === 'FP32';
  const elements = isSingle ? new Float32Array(out.buffer) : new Float64Array(out.buffer);
  const number = new NumberScanner(bytes);
  let index = 0;
  for (let at = nextLeaf(bytes, start, end); at < end; at = nextLeaf(bytes, number.end, end)) {
    if (!number.scan(at)) return 'double';
    elements[index++] = isSingle ? number.toSingle() : number.toDouble();
  }
  return null;
}

type IntegerType = Exclude<JsonDatatype, 'BYTES' | 'BOOL' | 'FP32' | 'FP64'>;

function readIntegers(
  bytes: Buffer,
  { start, end }: Passage,
  datatype: IntegerType,
  out: Buffer,
): ElementProblem | null {
  const width = BYTE_SIZES[datatype];
  const isSigned = datatype.startsWith('INT');
  const kind = isSigned ? 'signed-integer' : 'unsigned-integer';
  const magnitudeMax = isSigned ? 2 ** (8 * width - 1) : 2 ** (8 * width) - 1;
  const number = new NumberScanner(bytes);
  let offset = 0;
  for (let at = nextLeaf(bytes, start, end); at < end; at = nextLeaf(bytes, number.end, end)) {
    if (!number.scan(at) || !number.isInteger) return kind;
    const { isNegative, mantissa } = number;
    if (isNegative && !isSigned && mantissa !== 0) return kind;
    if (number.digits > EXACT_DIGITS && width === 8) {
      if (!writeLong(bytes, at, number.end, isSigned, out, offset)) return kind;
    } else {
      // Of signed numbers the negative ones reach one further.
      const max = isSigned && !isNegative ? magnitudeMax - 1 : magnitudeMax;
      if (mantissa > max) return { index: offset / width, text: number.text };
      writeInteger(isNegative ? -mantissa : mantissa, width, out, offset);
    }
    offset += width;
  }
  return null;
}

function writeInteger(value: number, width: number, out: Buffer, offset: number): void {
  out[offset] = value;
  if (width === 1) return;
  const low = value | 0;
  out[offset + 1] = low >> 8;
  if (width === 2) return;
  out[offset + 2] = low >> 16;
  out[offset + 3] = low >> 24;
  if (width === 4) return;
  out.writeInt32LE(Math.floor(value / 2 ** 32), offset + 4);
}

function readStrings(bytes: Buffer, { start, end }: Passage, out: Buffer): Buffer | ElementProblem {
  let offset = 0;
  for (let at = nextLeaf(bytes, start, end); at < end; at = nextLeaf(bytes, at, end)) {
    if (bytes[at] !== QUOTE) return 'string';
    const behind = skipString(bytes, at);
    const data = offset + LENGTH_BYTES;
    const written = writeString(bytes, at + 1, behind - 1, out, data);
    out.writeUInt32LE(written - data, offset);
    offset = written;
    at = behind;
  }
  return out.subarray(0, offset);
}
