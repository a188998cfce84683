import { halfToNumber } from './half.ts';

/** How a float32 tensor is stored in the file. Each form gives back exactly the same 32 bits per number. */
export type PackedWeights =
  | { readonly kind: 'plain'; readonly values: Float32Array }
  | { readonly kind: 'half'; readonly bits: Uint16Array }
  | { readonly kind: 'codes'; readonly codes: Uint8Array; readonly table: Float32Array };

/** Below this many numbers the two nodes that unpack cost more than they save. */
const PACKED_ELEMENTS_MIN = 512;
const TABLE_ENTRIES_MAX = 256;

/**
 * Picks the smallest form that loses nothing. Published weights were often quantized to 8 bits or cut to float16
 * before they were shipped, so most tensors hold at most 256 distinct numbers, or only numbers that float16 can hold.
 */
export function packWeights(values: Float32Array): PackedWeights {
  if (values.length < PACKED_ELEMENTS_MIN) return { kind: 'plain', values };
  return packAsCodes(values) ?? packAsHalf(values) ?? { kind: 'plain', values };
}

function packAsCodes(values: Float32Array): PackedWeights | undefined {
  const bits = bitsOf(values);
  const distinct = new Set<number>();
  for (const item of bits) {
    distinct.add(item);
    if (distinct.size > TABLE_ENTRIES_MAX) return undefined;
  }
  const tableBits = Uint32Array.from(distinct).sort();
  const codeOf = new Map(Array.from(tableBits, (item, code) => [item, code]));
  return {
    kind: 'codes',
    codes: Uint8Array.from(bits, (item) => codeOf.get(item) ?? 0),
    table: new Float32Array(tableBits.buffer),
  };
}

function packAsHalf(values: Float32Array): PackedWeights | undefined {
  const halfOf = halfByFloatBits();
  const packed = new Uint16Array(values.length);
  for (const [index, item] of bitsOf(values).entries()) {
    const half = halfOf.get(item);
    if (half === undefined) return undefined;
    packed[index] = half;
  }
  return { kind: 'half', bits: packed };
}

/** Compared as bits, so that 0 and -0 stay two numbers. */
function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

let cachedHalfByFloatBits: ReadonlyMap<number, number> | undefined;

/** All finite float16 numbers, keyed by their bits as float32: finding a number here is the proof that nothing is lost. */
function halfByFloatBits(): ReadonlyMap<number, number> {
  if (cachedHalfByFloatBits === undefined) {
    const finite = Array.from({ length: 0x10000 }, (_, half) => half).filter(
      (half) => (half & 0x7c00) !== 0x7c00,
    );
    const bits = bitsOf(Float32Array.from(finite, halfToNumber));
    cachedHalfByFloatBits = new Map(finite.map((half, index) => [bits[index], half]));
  }
  return cachedHalfByFloatBits;
}
