import { Buffer } from 'node:buffer';
import { payloadErrors } from '../../errors/catalogue.js';
import type { ServingError } from '../../errors/serving-error.js';
import { LIMITS } from '../../settings/limits.js';
import { BYTE_SIZES, type Datatype, isDatatype } from '../../tensor/datatype.js';
import type { WireReader } from '../../wire/reader.js';
import { WireError } from '../../wire/wire-error.js';
import { WireType } from '../../wire/wire-type.js';

interface Field {
  /** The datatype whose elements it carries; integers of 8 and 16 bits travel in the wider field. */
  readonly datatype: Datatype;
  readonly narrow: readonly string[];
  /** How one element is written. */
  readonly wire: WireType;
}

/** Fields of `InferTensorContents`; the index is the field's number less one. */
const FIELDS: readonly Field[] = [
  { datatype: 'BOOL', narrow: [], wire: WireType.varint },
  { datatype: 'INT32', narrow: ['INT8', 'INT16'], wire: WireType.varint },
  { datatype: 'INT64', narrow: [], wire: WireType.varint },
  { datatype: 'UINT32', narrow: ['UINT8', 'UINT16'], wire: WireType.varint },
  { datatype: 'UINT64', narrow: [], wire: WireType.varint },
  { datatype: 'FP32', narrow: [], wire: WireType.fixed32 },
  { datatype: 'FP64', narrow: [], wire: WireType.fixed64 },
  { datatype: 'BYTES', narrow: [], wire: WireType.bytes },
];

/** Bytes of the length in front of each element of a BYTES tensor. */
const LENGTH_BYTES = 4;

const NO_DATA = Buffer.alloc(0);

/**
 * What an `InferTensorContents` holds: found in a first pass, which checks it and counts its elements.
 * The second, {@link toRaw}, needs the datatype, which may stand behind the contents in a message, and
 * waits until the data are wanted: integers may take eight times their bytes in the message.
 */
export interface TypedContents {
  /** Start and end of each piece; a sub-message that comes several times is merged. */
  readonly pieces: number[];
  /** Elements of each field. */
  readonly counts: number[];
  /** Bytes of all BYTES elements without their lengths. */
  byteCount: number;
  /** Packed runs and single elements of floats; one packed run can be used as it is. */
  floatRuns: number;
  floatsStart: number;
  floatsEnd: number;
}

export function newContents(): TypedContents {
  return {
    pieces: [],
    counts: [0, 0, 0, 0, 0, 0, 0, 0],
    byteCount: 0,
    floatRuns: 0,
    floatsStart: 0,
    floatsEnd: 0,
  };
}

/** First pass over the `InferTensorContents` at the reader's position. Throws WireError. */
export function surveyContents(reader: WireReader, contents: TypedContents): void {
  const outerEnd = reader.enter();
  contents.pieces.push(reader.position, reader.end);
  if (contents.pieces.length > 2 * LIMITS.requestItemsMax) throw new WireError('contents in too many pieces');
  while (!reader.atEnd) {
    const tag = reader.tag();
    const index = (tag >>> 3) - 1;
    const field = FIELDS[index];
    if (field === undefined) reader.skip(tag);
    else (contents.counts[index] as number) += surveyField(reader, contents, tag, field.wire);
  }
  reader.leave(outerEnd);
}

/** Passes over one occurrence of a field; returns how many elements it held. */
function surveyField(reader: WireReader, contents: TypedContents, tag: number, wire: WireType): number {
  const found = tag & 7;
  if (found !== wire && found !== WireType.bytes) {
    // Not a way to write this field, so it is an unknown one.
    reader.skip(tag);
    return 0;
  }
  if (found === WireType.bytes) {
    const length = reader.length();
    if (wire === WireType.varint) return reader.countVarints(length);
    const start = reader.position;
    reader.position = start + length;
    if (wire === WireType.bytes) {
      contents.byteCount += length;
      return 1;
    }
    const width = wire === WireType.fixed32 ? 4 : 8;
    if (length % width !== 0) throw new WireError(`${length} bytes of floats are not a multiple of ${width}`);
    if (length > 0) contents.floatRuns++;
    contents.floatsStart = start;
    contents.floatsEnd = start + length;
    return length / width;
  }
  reader.skip(tag);
  if (wire !== WireType.varint) contents.floatRuns += 2;
  return 1;
}

/** What is wrong with contents for an input that says it has `datatype`. */
export function contentsProblem(
  contents: TypedContents,
  datatype: string,
  model: string,
  input: string,
): ServingError | null {
  let supplied = false;
  for (let index = 0; index < FIELDS.length; index++) {
    if (contents.counts[index] === 0) continue;
    if (supplied) return payloadErrors.twoTyped(model, input);
    const field = FIELDS[index] as Field;
    if (field.datatype !== datatype && !field.narrow.includes(datatype)) {
      const expected = isDatatype(datatype) ? datatype : '<invalid>';
      return payloadErrors.typedOfWrongType(model, input, field.datatype, expected);
    }
    supplied = true;
  }
  return null;
}

/** Bytes of the elements as raw contents, which {@link toRaw} makes. Throws WireError when that is too much. */
export function rawSize(contents: TypedContents, datatype: string): number {
  const count = contents.counts.find((found) => found > 0) ?? 0;
  if (count === 0 || !isDatatype(datatype)) return 0;
  const size =
    datatype === 'BYTES' ? contents.byteCount + LENGTH_BYTES * count : BYTE_SIZES[datatype] * count;
  if (size > LIMITS.messageBytesMax) {
    throw new WireError(`contents of ${size} bytes exceed ${LIMITS.messageBytesMax} bytes`);
  }
  return size;
}

/**
 * Second pass: the elements as raw little-endian bytes, BYTES with their lengths; a view on the message
 * where the floats lie there in one run. `size` is their {@link rawSize}. Only for contents without a
 * {@link contentsProblem}.
 */
export function toRaw(
  reader: WireReader,
  contents: TypedContents,
  datatype: string,
  size: number,
): Uint8Array {
  const index = contents.counts.findIndex((count) => count > 0);
  if (index === -1 || !isDatatype(datatype)) return NO_DATA;
  const field = FIELDS[index] as Field;
  const isFloat = field.wire === WireType.fixed32 || field.wire === WireType.fixed64;
  if (isFloat && contents.floatRuns === 1 && contents.floatsEnd > contents.floatsStart) {
    return reader.view(contents.floatsStart, contents.floatsEnd);
  }
  const out = Buffer.allocUnsafe(size);
  let offset = 0;
  for (let piece = 0; piece < contents.pieces.length; piece += 2) {
    reader.seek(contents.pieces[piece] as number, contents.pieces[piece + 1] as number);
    offset = writePiece(reader, index + 1, field.wire, datatype, out, offset);
  }
  return out;
}

/** Writes the elements of `fieldNumber` between the reader's position and its end; returns the new offset. */
function writePiece(
  reader: WireReader,
  fieldNumber: number,
  wire: WireType,
  datatype: Datatype,
  out: Buffer,
  start: number,
): number {
  const width = BYTE_SIZES[datatype];
  let offset = start;
  while (!reader.atEnd) {
    const tag = reader.tag();
    const found = tag & 7;
    if (tag >>> 3 !== fieldNumber || (found !== wire && found !== WireType.bytes)) {
      reader.skip(tag);
    } else if (wire === WireType.varint) {
      const outerEnd = reader.end;
      if (found === WireType.bytes) reader.enter();
      offset = writeIntegers(reader, found === WireType.bytes, datatype === 'BOOL', width, out, offset);
      reader.leave(outerEnd);
    } else {
      const length = found === WireType.bytes ? reader.length() : width;
      if (datatype === 'BYTES') offset = out.writeUInt32LE(length, offset);
      reader.copy(out, offset, length);
      offset += length;
    }
  }
  return offset;
}

/** Writes one varint, or all up to the reader's end, each cut to `width` bytes; returns the new offset. */
function writeIntegers(
  reader: WireReader,
  isPacked: boolean,
  isBool: boolean,
  width: number,
  out: Buffer,
  start: number,
): number {
  let offset = start;
  if (isPacked && reader.atEnd) return offset;
  do {
    const low = reader.varint32();
    if (isBool) {
      out[offset] = low !== 0 || reader.high !== 0 ? 1 : 0;
    } else {
      out[offset] = low;
      if (width > 1) out[offset + 1] = low >>> 8;
      if (width > 2) {
        out[offset + 2] = low >>> 16;
        out[offset + 3] = low >>> 24;
      }
      if (width > 4) {
        const { high } = reader;
        out[offset + 4] = high;
        out[offset + 5] = high >>> 8;
        out[offset + 6] = high >>> 16;
        out[offset + 7] = high >>> 24;
      }
    }
    offset += width;
  } while (isPacked && !reader.atEnd);
  return offset;
}
