import type { Range } from '../method.js';

/** How 8-bit numbers 0..255 stand for reals: real = scale * (number - zeroPoint). */
export interface Affine {
  /** A positive float32. */
  readonly scale: number;
  readonly zeroPoint: number;
}

const LEVELS = 255;

/** Ranges no wider than this hold nothing but zero. */
const WIDTH_MIN = 1e-30;

/**
 * The finest scale for `range`, which contains zero: every value inside is at most half a scale from the nearest
 * number, and zero is met exactly.
 */
export function affineOf({ min, max }: Range): Affine {
  const width = max - min;
  if (!(width > WIDTH_MIN)) return { scale: 1, zeroPoint: 0 };
  const scale = Math.fround(width / LEVELS);
  return { scale, zeroPoint: Math.max(0, Math.min(LEVELS, Math.round(-min / scale))) };
}

/** The number that stands for `value`, as QuantizeLinear chooses it: the nearest, of two the even one. */
export function quantizeValue(value: number, { scale, zeroPoint }: Affine): number {
  return Math.max(0, Math.min(LEVELS, roundHalfEven(value / scale) + zeroPoint));
}

export function dequantizeValue(number: number, { scale, zeroPoint }: Affine): number {
  return (number - zeroPoint) * scale;
}

/** To the nearest integer, halves to the even one, as ONNX and the CPU round. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
