import { Buffer, isUtf8 } from 'node:buffer';
import { BYTE_SIZES } from '../../../tensor/datatype.js';
import type { JsonDatatype } from './elements.js';

/** Elements whose text is put together before it becomes bytes: more make a string that is slow to flatten. */
const CHUNK_ELEMENTS = 8192;

type ReadText = (view: DataView, offset: number) => string;

const READERS: Readonly<Record<Exclude<JsonDatatype, 'BYTES'>, ReadText>> = {
  BOOL: (view, offset) => (view.getUint8(offset) === 0 ? 'false' : 'true'),
  UINT8: (view, offset) => `${view.getUint8(offset)}`,
  UINT16: (view, offset) => `${view.getUint16(offset, true)}`,
  UINT32: (view, offset) => `${view.getUint32(offset, true)}`,
  UINT64: (view, offset) => {
    const value = toNumber(view.getUint32(offset + 4, true), view.getUint32(offset, true));
    return Number.isSafeInteger(value) ? `${value}` : `${view.getBigUint64(offset, true)}`;
  },
  INT8: (view, offset) => `${view.getInt8(offset)}`,
  INT16: (view, offset) => `${view.getInt16(offset, true)}`,
  INT32: (view, offset) => `${view.getInt32(offset, true)}`,
  INT64: (view, offset) => {
    const value = toNumber(view.getInt32(offset + 4, true), view.getUint32(offset, true));
    return Number.isSafeInteger(value) ? `${value}` : `${view.getBigInt64(offset, true)}`;
  },
  FP32: (view, offset) => formatDouble(view.getFloat32(offset, true)),
  FP64: (view, offset) => formatDouble(view.getFloat64(offset, true)),
};

/**
 * Elements of a tensor as they stand between the brackets of a JSON array; null when an element of BYTES is
 * no UTF-8, which JSON can't carry. `data` holds whole elements.
 */
export function writeElements(datatype: JsonDatatype, data: Uint8Array): Buffer | null {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (datatype === 'BYTES') return writeStrings(view);
  const read = READERS[datatype];
  const width = BYTE_SIZES[datatype];
  const chunks: Buffer[] = [];
  for (let start = 0; start < data.length; start += CHUNK_ELEMENTS * width) {
    const end = Math.min(data.length, start + CHUNK_ELEMENTS * width);
    let text = start === 0 ? '' : ',';
    text += read(view, start);
    for (let offset = start + width; offset < end; offset += width) text += `,${read(view, offset)}`;
    chunks.push(Buffer.from(text, 'latin1'));
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/**
 * A double as Triton writes it: the shortest text that reads back as the same number, with a point or an
 * exponent, so that it stays no integer in languages that tell them apart; NaN and Infinity bare.
 */
export function formatDouble(value: number): string {
  if (!Number.isInteger(value)) return `${value}`;
  if (Math.abs(value) < 1e21) return Object.is(value, -0) ? '-0.0' : `${value}.0`;
  return `${value}`.replace('+', '');
}

/** The double nearest to an integer of 64 bits; where it is exact it is written faster than a bigint. */
function toNumber(high: number, low: number): number {
  return high * 2 ** 32 + low;
}

function writeStrings(view: DataView): Buffer | null {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  const pieces: Buffer[] = [];
  let text = '';
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + 4;
    offset = start + bytes.readUInt32LE(start - 4);
    const element = bytes.subarray(start, offset);
    if (!isUtf8(element)) return null;
    text += `${start === 4 ? '' : ','}${JSON.stringify(element.toString('utf8'))}`;
    if (text.length > 1 << 16) {
      pieces.push(Buffer.from(text));
      text = '';
    }
  }
  pieces.push(Buffer.from(text));
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
}
