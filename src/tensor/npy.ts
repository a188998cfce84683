import { joinBytes } from './bytes.js';
import type { Datatype } from './datatype.js';
import { elementCount } from './shape.js';
import type { Tensor } from './tensor.js';

/** A file that can't be read as NumPy's; the text says why, and how to save it otherwise. */
export class NpyError extends Error {
  override readonly name = 'NpyError';
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

const NUMERIC: Readonly<Record<string, Datatype>> = {
  b1: 'BOOL',
  u1: 'UINT8',
  u2: 'UINT16',
  u4: 'UINT32',
  u8: 'UINT64',
  i1: 'INT8',
  i2: 'INT16',
  i4: 'INT32',
  i8: 'INT64',
  f2: 'FP16',
  f4: 'FP32',
  f8: 'FP64',
};

export function isNpy(file: Uint8Array): boolean {
  return MAGIC.equals(file.subarray(0, MAGIC.length));
}

/**
 * Reads NumPy's .npy format (versions 1 to 3): numbers little-endian in C order, and fixed-length bytes
 * (`S`) or text (`U`) as BYTES. Throws {@link NpyError}.
 */
export function readNpy(file: Uint8Array): Tensor {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.length);
  const { header, dataStart } = readHeader(bytes);
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (dims === undefined || order === undefined) throw new NpyError('its .npy header is broken');
  const type = /^([<>|=]?)([a-zA-Z])(\d+)$/.exec(descr ?? '');
  if (type === null) {
    throw new NpyError('it holds Python objects or a structure; save a plain array, e.g. of float32');
  }
  const [, byteOrder = '', kind = '', digits = ''] = type;
  const datatype = kind === 'S' || kind === 'U' ? 'BYTES' : NUMERIC[`${kind}${digits}`];
  if (datatype === undefined) {
    throw new NpyError(`its dtype '${descr}' has no counterpart in the protocol`);
  }
  if (order === 'True') {
    throw new NpyError('it is in Fortran order; save numpy.ascontiguousarray(x)');
  }
  const shape = dims
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(Number);
  const elements = elementCount(shape);
  const size = Number(digits);
  const itemBytes = kind === 'U' ? size * 4 : size;
  const data = bytes.subarray(dataStart, dataStart + elements * itemBytes);
  if (!Number.isSafeInteger(elements) || data.length < elements * itemBytes) {
    throw new NpyError('it is shorter than its header says');
  }
  if (byteOrder === '>' && itemBytes > 1) {
    throw new NpyError("it is big-endian; save x.astype(x.dtype.newbyteorder('<'))");
  }
  if (datatype === 'BYTES') {
    const items = Array.from({ length: elements }, (_, index) =>
      readItem(data.subarray(index * itemBytes, (index + 1) * itemBytes), kind === 'S'),
    );
    return { datatype, shape, data: joinBytes(items) };
  }
  return { datatype, shape, data };
}

function readHeader(bytes: Buffer): { header: string; dataStart: number } {
  const major = bytes[6];
  const longLength = major === 2 || major === 3;
  const textStart = longLength ? 12 : 10;
  if (!isNpy(bytes) || bytes.length < textStart || (major !== 1 && !longLength)) {
    throw new NpyError('it is no .npy file of version 1, 2 or 3');
  }
  const length = longLength ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  const dataStart = textStart + length;
  return { header: bytes.toString('utf8', textStart, dataStart), dataStart };
}

/** One element of a fixed-length array; NumPy fills up with NUL. */
function readItem(item: Buffer, isBytes: boolean): Uint8Array {
  if (isBytes) {
    let length = item.length;
    while (length > 0 && item[length - 1] === 0) length--;
    return item.subarray(0, length);
  }
  let text = '';
  for (let offset = 0; offset < item.length; offset += 4) {
    const codePoint = item.readUInt32LE(offset);
    if (codePoint > 0) text += String.fromCodePoint(codePoint);
  }
  return Buffer.from(text);
}
