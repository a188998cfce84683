import { fromHalf } from '../../tensor/half.js';

/** The greatest finite number of half precision. */
export const HALF_MAX = 65_504;
/** The least of full precision; smaller ones lose digits, and below 2 ** -25 all. */
export const HALF_MIN_NORMAL = 2 ** -14;

/**
 * Floats as the nearest numbers of half precision, ties to even, by their bits. Beyond 65,519.99 comes infinity.
 */
export function toHalves(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const halves = new Uint16Array(floats.length);
  for (let index = 0; index < bits.length; index++) halves[index] = halfBits(bits[index] as number);
  return halves;
}

/** All numbers of half precision in the order of their bits. */
export function halfTable(): Float32Array {
  return Float32Array.from({ length: 1 << 16 }, (_, bits) => fromHalf(bits));
}

/** The bits of a half from those of a float. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fff_ffff;
  if (magnitude > 0x7f80_0000) return sign | 0x7e00;
  // 65,520 and more round to what the exponent has no room for.
  if (magnitude >= 0x477f_f000) return sign | 0x7c00;
  if (magnitude >= 0x3880_0000) {
    // Half of the last place, less one bit unless that place is odd: ties go to even. A carry into the exponent is right.
    const odd = (magnitude >>> 13) & 1;
    return sign | ((magnitude - 0x3800_0000 + 0xfff + odd) >>> 13);
  }
  // Subnormal: the fraction with its hidden bit, moved to units of 2 ** -24.
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  const fraction = (magnitude & 0x7f_ffff) | 0x80_0000;
  const odd = (fraction >>> shift) & 1;
  return sign | ((fraction + (1 << (shift - 1)) - 1 + odd) >>> shift);
}
