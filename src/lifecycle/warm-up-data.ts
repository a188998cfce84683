import { setImmediate } from 'node:timers/promises';
import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';

/** Bytes that are made or copied in one go; other work of this thread comes in between. */
const CHUNK_BYTES = 1 << 20;

/** Longest string among random ones. */
const TEXT_BYTES_MAX = 16;

/** Which bits of two random words one behind the other are kept, and which are set. */
interface Mask {
  readonly keep: readonly [number, number];
  readonly set: readonly [number, number];
}

const mask = (keep: number, set = 0): Mask => ({ keep: [keep, keep], set: [set, set] });
const ALL = 0xffffffff;
const HALF_TO_ONE_FP64 = 0x3fe00000;

/**
 * Numbers that models bear: floats are in [0.5, 1), never NaN or denormal; bytes are anything; wider
 * integers are 0 or 1, since they are mostly indices, of which most others would be out of range.
 */
const MASKS: Readonly<Record<Exclude<Datatype, 'BYTES'>, Mask>> = {
  BOOL: mask(0x01010101),
  UINT8: mask(ALL),
  INT8: mask(ALL),
  UINT16: mask(0x00010001),
  INT16: mask(0x00010001),
  UINT32: mask(1),
  INT32: mask(1),
  UINT64: { keep: [1, 0], set: [0, 0] },
  INT64: { keep: [1, 0], set: [0, 0] },
  FP16: mask(0x03ff03ff, 0x38003800),
  BF16: mask(0x007f007f, 0x3f003f00),
  FP32: mask(0x007fffff, 0x3f000000),
  FP64: { keep: [ALL, 0x000fffff], set: [0, HALF_TO_ONE_FP64] },
};

/** Bytes of a tensor of `elements` zeros; BYTES elements are empty. */
export function zeroBytes(datatype: Datatype, elements: number): number {
  return elements * (BYTE_SIZES[datatype] || 4);
}

/** The most that {@link randomData} may take. */
export function randomBytesMax(datatype: Datatype, elements: number): number {
  return elements * (BYTE_SIZES[datatype] || 4 + TEXT_BYTES_MAX);
}

/** A tensor of `elements` random elements, the same for the same `seed`; BYTES are letters and digits. */
export async function randomData(datatype: Datatype, elements: number, seed: string): Promise<Uint8Array> {
  const next = randomWords(seed);
  if (datatype === 'BYTES') return randomTexts(elements, next);
  const { keep, set } = MASKS[datatype];
  const bytes = zeroBytes(datatype, elements);
  const words = new Uint32Array(Math.ceil(bytes / 4));
  for (let index = 0; index < words.length; index++) {
    const odd = (index & 1) as 0 | 1;
    words[index] = (next() & keep[odd]) | set[odd];
    if (index % (CHUNK_BYTES / 4) === CHUNK_BYTES / 4 - 1) await setImmediate();
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

async function randomTexts(elements: number, next: () => number): Promise<Uint8Array> {
  const data = new Uint8Array(randomBytesMax('BYTES', elements));
  const view = new DataView(data.buffer);
  let offset = 0;
  let pause = CHUNK_BYTES;
  for (let element = 0; element < elements; element++) {
    const length = next() % (TEXT_BYTES_MAX + 1);
    view.setUint32(offset, length, true);
    offset += 4;
    for (const end = offset + length; offset < end; offset++) {
      data[offset] = LETTERS.charCodeAt(next() % LETTERS.length);
    }
    if (offset < pause) continue;
    pause = offset + CHUNK_BYTES;
    await setImmediate();
  }
  return data.subarray(0, offset);
}

/** `row` as often as there are `rows`, in a buffer of its own. */
export async function repeatRow(row: Uint8Array, rows: number): Promise<Uint8Array> {
  const data = new Uint8Array(row.length * rows);
  for (let offset = 0; offset < data.length; ) {
    const start = offset % row.length;
    // Once the first row is there, all that follows repeats what is there already.
    const source = offset < row.length ? row : data.subarray(0, offset);
    const piece = source.subarray(start, start + Math.min(CHUNK_BYTES, data.length - offset));
    data.set(piece, offset);
    offset += piece.length;
    if (piece.length === CHUNK_BYTES) await setImmediate();
  }
  return data;
}

/** Random 32-bit words of xorshift32 that begin at a hash (FNV-1a) of `seed`. */
function randomWords(seed: string): () => number {
  let state = 0x811c9dc5;
  for (let index = 0; index < seed.length; index++) {
    state = Math.imul(state ^ seed.charCodeAt(index), 0x01000193);
  }
  // Zero is where it would stay.
  state ||= 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
