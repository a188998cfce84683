import { expect } from 'vitest';
import type { ImageSpec } from '#naiad/model-config/image-spec.js';
import type { Log } from '#naiad/telemetry/log.js';
import type { DecodedPictures } from '#naiad/worker/picture-decoder.js';

/** A spec that takes pixels as they are, with what the test is about changed. */
export function aSpec(changes: Partial<ImageSpec> = {}): ImageSpec {
  const channels = changes.channels ?? 3;
  return {
    height: 4,
    width: 4,
    channels,
    layout: 'NHWC',
    datatype: 'UINT8',
    resize: 'stretch',
    kernel: 'linear',
    color: channels === 1 ? 'gray' : 'rgb',
    padColor: [0, 0, 0],
    background: [0, 0, 0],
    mean: new Array<number>(channels).fill(0),
    std: new Array<number>(channels).fill(1),
    scale: 1,
    pixelsMax: 50_000_000,
    bytesMax: 32 << 20,
    framesMax: 1000,
    ...changes,
  };
}

/** Keeps what is logged. */
export class LogKeeper implements Log {
  readonly lines: { level: string; message: string; fields: object }[] = [];

  trace(fields: object, message: string): void {
    this.lines.push({ level: 'trace', message, fields });
  }
  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', message, fields });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', message, fields });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', message, fields });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', message, fields });
  }
}

/** The tensor's bytes; fails the test when a picture was refused. */
export function dataOf(decoded: DecodedPictures): Uint8Array {
  expect(decoded).toMatchObject({ kind: 'decoded' });
  return decoded.kind === 'decoded' ? decoded.data : new Uint8Array();
}

/** Pixel `x`, `y` of a UINT8 NHWC tensor's row. */
export function pixelAt(spec: ImageSpec, data: Uint8Array, x: number, y: number, row = 0): number[] {
  const start = ((row * spec.height + y) * spec.width + x) * spec.channels;
  return [...data.subarray(start, start + spec.channels)];
}

/** Expects colours equal to within `tolerance` levels. */
export function expectNear(got: readonly number[], expected: readonly number[], tolerance: number): void {
  const worst = Math.max(...expected.map((level, at) => Math.abs(level - (got[at] ?? Number.NaN))));
  expect(worst, `got ${got}, expected ${expected}`).toBeLessThanOrEqual(tolerance);
}

/** Every finite half as a number, by its bits; the definition of the format, for tests to search. */
export function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
