const BITS = new DataView(new ArrayBuffer(8));

/**
 * Bits of the IEEE 754 half nearest to `value`, ties to even. Rounds once, from double: going through a
 * float first would round some values twice. Beyond 65,519.99 comes infinity; NaN is the quiet one.
 */
export function toHalf(value: number): number {
  BITS.setFloat64(0, value);
  const high = BITS.getUint32(0);
  const sign = (high >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65_520) return sign | 0x7c00;
  // Below 2^-14 halves are evenly spaced; 1024 steps up there is the encoding of the first normal one.
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  const exponent = ((high >>> 20) & 0x7ff) - 1023;
  const fraction = roundToEven((magnitude / 2 ** exponent - 1) * 1024);
  // A fraction of 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + fraction);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
