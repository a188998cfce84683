import { TextDecoder } from 'node:util';
import { walkBytes } from '../../tensor/bytes.js';
import { BYTE_SIZES, isDatatype } from '../../tensor/datatype.js';
import { fromBrain, fromHalf } from '../../tensor/half.js';

type ReadElement = (view: DataView, offset: number) => number | bigint;

const READERS: Readonly<Record<string, ReadElement>> = {
  BOOL: (view, at) => view.getUint8(at),
  UINT8: (view, at) => view.getUint8(at),
  UINT16: (view, at) => view.getUint16(at, true),
  UINT32: (view, at) => view.getUint32(at, true),
  UINT64: (view, at) => view.getBigUint64(at, true),
  INT8: (view, at) => view.getInt8(at),
  INT16: (view, at) => view.getInt16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  INT64: (view, at) => view.getBigInt64(at, true),
  FP16: (view, at) => fromHalf(view.getUint16(at, true)),
  BF16: (view, at) => fromBrain(view.getUint16(at, true)),
  FP32: (view, at) => view.getFloat32(at, true),
  FP64: (view, at) => view.getFloat64(at, true),
};

/**
 * The elements as Triton's trace has them: numbers with commas between, strings in quotes besides. At
 * most `elementsMax` of them, then `...`; '' for data that is not of `datatype`.
 */
export function tensorText(datatype: string, data: Uint8Array, elementsMax: number): string {
  if (datatype === 'BYTES') return stringsText(data, elementsMax);
  const read = READERS[datatype];
  if (read === undefined || !isDatatype(datatype)) return '';
  const size = BYTE_SIZES[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.floor(data.byteLength / size);
  const words: string[] = [];
  for (let i = 0; i < count && i < elementsMax; i++) words.push(String(read(view, i * size)));
  if (count > elementsMax) words.push('...');
  return words.join(',');
}

function stringsText(data: Uint8Array, elementsMax: number): string {
  const decoder = new TextDecoder();
  const words: string[] = [];
  const walk = walkBytes(data, elementsMax, (start, end) => {
    words.push(`"${decoder.decode(data.subarray(start, end))}"`);
    return true;
  });
  if (walk.kind === 'surplus') words.push('...');
  return words.join(',');
}
