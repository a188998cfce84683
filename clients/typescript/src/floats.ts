const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function bitsOf(value: number): number {
  float[0] = value;
  return bits[0] ?? 0;
}

function floatOf(pattern: number): number {
  bits[0] = pattern;
  return float[0] ?? 0;
}

/** Elements of an FP16 tensor, rounded to nearest, ties to even; what is too large becomes infinite. */
export function toFloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, halfOf);
}

/** The numbers that the elements of an FP16 tensor stand for. */
export function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}

/** Elements of a BF16 tensor, rounded to nearest, ties to even. */
export function toBfloat16(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, (value) => {
    if (Number.isNaN(value)) return 0x7fc0;
    const pattern = bitsOf(value);
    // Just below one half of the last place, and one more where that is odd.
    return (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
  });
}

/** The numbers that the elements of a BF16 tensor stand for. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => floatOf((half << 16) >>> 0));
}

function halfOf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  // Counted in units of the last place, of which the smallest normal half has 1024; a carry moves into the
  // exponent by itself.
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const units = roundToEven(size * 2 ** (10 - exponent));
  return sign | ((exponent + 14) * 1024 + units);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
