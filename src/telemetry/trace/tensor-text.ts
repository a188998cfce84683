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

/** How much of a tensor becomes text. */
export interface ShownPart {
  readonly elementsMax: number;
  readonly bytesMax: number;
}

const CUT = '...';

/**
 * The elements as Triton's trace has them: numbers with commas between, strings in quotes besides. Where
 * there are more than are shown, `...` follows; '' for data that is not of `datatype`, or in another thread
 * by now.
 */
export function tensorText(datatype: string, data: Uint8Array, shown: ShownPart): string {
  // No view can be made on a buffer that was handed over.
  if (data.byteLength === 0) return '';
  if (datatype === 'BYTES') return stringsText(data, shown);
  const read = READERS[datatype];
  if (read === undefined || !isDatatype(datatype)) return '';
  const size = BYTE_SIZES[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.floor(data.byteLength / size);
  const shownCount = Math.min(count, shown.elementsMax, Math.floor(shown.bytesMax / size));
  const words: string[] = [];
  for (let i = 0; i < shownCount; i++) words.push(String(read(view, i * size)));
  if (count > shownCount) words.push(CUT);
  return words.join(',');
}

function stringsText(data: Uint8Array, { elementsMax, bytesMax }: ShownPart): string {
  const decoder = new TextDecoder();
  const words: string[] = [];
  const walk = walkBytes(data, elementsMax, (start, end) => {
    if (end > bytesMax) return false;
    words.push(`"${decoder.decode(data.subarray(start, end))}"`);
    return true;
  });
  if (walk.kind === 'surplus' || walk.kind === 'refused') words.push(CUT);
  return words.join(',');
}
