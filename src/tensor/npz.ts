import { inflateRawSync } from 'node:zlib';
import { NpyError, readNpy } from './npy.js';
import type { NamedTensor } from './tensor.js';

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const STORED = 0;
const DEFLATED = 8;

/** What one array may unpack to: a few bytes can become a thousand times as many. */
const ARRAY_BYTES_MAX = 2 ** 31 - 1;

/**
 * The arrays of NumPy's .npz format, a zip of .npy files, by the names they were saved under. Throws
 * {@link NpyError}.
 */
export function readNpz(file: Uint8Array): NamedTensor[] {
  const zip = Buffer.from(file.buffer, file.byteOffset, file.length);
  const end = findEnd(zip);
  const count = zip.readUInt16LE(end + 10);
  let offset = zip.readUInt32LE(end + 16);
  const tensors: NamedTensor[] = [];
  for (let index = 0; index < count; index++) {
    if (offset + 46 > zip.length || zip.readUInt32LE(offset) !== CENTRAL_HEADER) throw broken();
    const nameLength = zip.readUInt16LE(offset + 28);
    const name = zip.toString('utf8', offset + 46, offset + 46 + nameLength);
    const content = unpack(zip, offset);
    tensors.push({ name: name.replace(/\.npy$/, ''), ...readNpy(content) });
    offset += 46 + nameLength + zip.readUInt16LE(offset + 30) + zip.readUInt16LE(offset + 32);
  }
  return tensors;
}

/** Offset of the record that ends a zip, behind which only a comment may stand. */
function findEnd(zip: Buffer): number {
  const first = Math.max(0, zip.length - END_BYTES - COMMENT_BYTES_MAX);
  for (let offset = zip.length - END_BYTES; offset >= first; offset--) {
    if (zip.readUInt32LE(offset) === END_OF_DIRECTORY) return offset;
  }
  throw new NpyError('it is no .npz file');
}

function unpack(zip: Buffer, entry: number): Buffer {
  const method = zip.readUInt16LE(entry + 10);
  const packed = zip.readUInt32LE(entry + 20);
  const place = zip.readUInt32LE(entry + 42);
  if (packed === 0xffffffff || place === 0xffffffff) {
    throw new NpyError('an array of it is larger than 4 GiB; save it as .npy');
  }
  if (place + 30 > zip.length || zip.readUInt32LE(place) !== LOCAL_HEADER) throw broken();
  const start = place + 30 + zip.readUInt16LE(place + 26) + zip.readUInt16LE(place + 28);
  if (start + packed > zip.length) throw broken();
  const content = zip.subarray(start, start + packed);
  if (method === STORED) return content;
  if (method !== DEFLATED) throw new NpyError('it is packed in a way that NumPy does not use');
  try {
    return inflateRawSync(content, { maxOutputLength: ARRAY_BYTES_MAX });
  } catch {
    throw broken();
  }
}

function broken(): NpyError {
  return new NpyError('it is a broken .npz file');
}
