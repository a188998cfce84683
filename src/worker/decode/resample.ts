import type { ImageSpec } from '../../model-config/image-spec.js';
import type { Geometry } from './geometry.js';
import { type Kernel, kernelOf } from './kernels.js';

/**
 * Scaling that libvips is not trusted with: enlarging, where it puts the picture half a pixel of the
 * result too far to the right and below, and `nearest`, where it takes whole blocks at a time and lands
 * several pixels off on large pictures.
 */

/** RGB pixels, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** width * height * 3 bytes. */
  readonly data: Uint8Array;
}

const CHANNELS = 3;

/** Scales along the axes where `pixels` is smaller than `scaled`, and cuts out what is used. */
export function resample(pixels: Pixels, kernel: ImageSpec['kernel'], geometry: Geometry): Pixels {
  const { scaled, left, top, used } = geometry;
  if (kernel === 'nearest') return nearest(pixels, geometry);
  const shape = kernelOf(kernel);
  const columns = tapsOf(shape, pixels.width, scaled.width, left, used.width);
  const rows = tapsOf(shape, pixels.height, scaled.height, top, used.height);
  return { ...used, data: applyRows(applyColumns(pixels, columns), used.width, rows) };
}

function nearest(pixels: Pixels, { scaled, left, top, used }: Geometry): Pixels {
  const data = new Uint8Array(used.width * used.height * CHANNELS);
  const columns = Uint32Array.from(
    { length: used.width },
    (_, x) => CHANNELS * sourceAt(left + x, pixels.width, scaled.width),
  );
  let out = 0;
  for (let y = 0; y < used.height; y++) {
    const row = sourceAt(top + y, pixels.height, scaled.height) * pixels.width * CHANNELS;
    for (const column of columns) {
      data[out++] = pixels.data[row + column] as number;
      data[out++] = pixels.data[row + column + 1] as number;
      data[out++] = pixels.data[row + column + 2] as number;
    }
  }
  return { ...used, data };
}

/** The source pixel that holds the centre of a scaled one, in whole numbers: no rounding to worry about. */
function sourceAt(position: number, source: number, scaled: number): number {
  return Math.floor(((2 * position + 1) * source) / (2 * scaled));
}

/** For each result position: the first source position that counts, and the weights from there on. */
interface Taps {
  readonly first: Uint32Array;
  /** `width` weights for each result position. */
  readonly weights: Float64Array;
  readonly width: number;
}

/** Weights add up to 1; what would lie outside the picture is left out. */
function tapsOf(kernel: Kernel, source: number, scaled: number, offset: number, count: number): Taps {
  const first = new Uint32Array(count);
  if (source === scaled) {
    return { first: first.map((_, at) => offset + at), weights: new Float64Array(count).fill(1), width: 1 };
  }
  const width = Math.min(2 * kernel.support, source);
  const weights = new Float64Array(count * width);
  for (let at = 0; at < count; at++) {
    const centre = ((offset + at + 0.5) * source) / scaled;
    const start = Math.max(0, Math.min(Math.floor(centre - kernel.support + 0.5), source - width));
    let sum = 0;
    for (let tap = 0; tap < width; tap++) {
      const weight = kernel.weight(start + tap + 0.5 - centre);
      weights[at * width + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < width; tap++) weights[at * width + tap] = (weights[at * width + tap] ?? 0) / sum;
    first[at] = start;
  }
  return { first, weights, width };
}

/** Every source row scaled to the result's width. */
function applyColumns({ width, height, data }: Pixels, taps: Taps): Float32Array {
  const count = taps.first.length;
  const out = new Float32Array(count * height * CHANNELS);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < count; x++) {
      let from = (y * width + (taps.first[x] as number)) * CHANNELS;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let tap = 0; tap < taps.width; tap++, from += CHANNELS) {
        const weight = taps.weights[x * taps.width + tap] as number;
        red += weight * (data[from] as number);
        green += weight * (data[from + 1] as number);
        blue += weight * (data[from + 2] as number);
      }
      const to = (y * count + x) * CHANNELS;
      out[to] = red;
      out[to + 1] = green;
      out[to + 2] = blue;
    }
  }
  return out;
}

/** Rows of the result, rounded to whole levels. */
function applyRows(data: Float32Array, width: number, taps: Taps): Uint8Array {
  const rowLength = width * CHANNELS;
  const out = new Uint8ClampedArray(taps.first.length * rowLength);
  const sums = new Float32Array(rowLength);
  for (let y = 0; y < taps.first.length; y++) {
    // Halves go up: a clamped array would round them to even.
    sums.fill(0.5);
    for (let tap = 0; tap < taps.width; tap++) {
      const weight = taps.weights[y * taps.width + tap] as number;
      const start = ((taps.first[y] as number) + tap) * rowLength;
      for (let at = 0; at < rowLength; at++) {
        sums[at] = (sums[at] as number) + weight * (data[start + at] as number);
      }
    }
    for (let at = 0; at < rowLength; at++) out[y * rowLength + at] = Math.floor(sums[at] as number);
  }
  return new Uint8Array(out.buffer);
}
