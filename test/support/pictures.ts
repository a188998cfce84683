import { deflateSync } from 'node:zlib';
import sharp from 'sharp';

/** Pictures made in the test. PNGs are written here byte by byte, so that they check the decoder. */

export type Color = readonly [red: number, green: number, blue: number];
export type ColorAt = (x: number, y: number) => Color;

/** PNG's colour types. */
export const PNG_GRAY = 0;
export const PNG_RGB = 2;
export const PNG_PALETTE = 3;
export const PNG_GRAY_ALPHA = 4;
export const PNG_RGBA = 6;

export interface PngOptions {
  readonly width: number;
  readonly height: number;
  readonly colorType: number;
  /** 1, 2, 4, 8 or 16. */
  readonly bitDepth: number;
  /** Samples of a pixel, each below 2 ** bitDepth. */
  readonly samplesAt: (x: number, y: number) => readonly number[];
  readonly palette?: readonly Color[];
  /** Alpha of the palette's first colours. */
  readonly transparency?: readonly number[];
}

/** Any PNG, uninterlaced. */
export function encodePng(options: PngOptions): Uint8Array {
  const { width, height, bitDepth, colorType, samplesAt, palette, transparency } = options;
  const samples = samplesAt(0, 0).length;
  const lineBytes = Math.ceil((width * samples * bitDepth) / 8);
  // Each line begins with its filter, 0 for none.
  const lines = Buffer.alloc(height * (lineBytes + 1));
  for (let y = 0; y < height; y++) {
    let bit = (y * (lineBytes + 1) + 1) * 8;
    for (let x = 0; x < width; x++) {
      for (const sample of samplesAt(x, y)) {
        if (bitDepth === 16) lines.writeUInt16BE(sample, bit / 8);
        else lines[bit >> 3] = (lines[bit >> 3] ?? 0) | (sample << (8 - bitDepth - (bit & 7)));
        bit += bitDepth;
      }
    }
  }
  return pngOfLines(width, height, bitDepth, colorType, lines, palette, transparency);
}

/** A PNG of one bit per pixel, all black: a few kilobytes whatever its size. */
export function blackPng(width: number, height: number): Uint8Array {
  return pngOfLines(width, height, 1, PNG_GRAY, Buffer.alloc(height * (Math.ceil(width / 8) + 1)));
}

/** An 8-bit RGB PNG. */
export function pngOf(width: number, height: number, colorAt: ColorAt): Uint8Array {
  return encodePng({ width, height, colorType: PNG_RGB, bitDepth: 8, samplesAt: colorAt });
}

/** A JPEG of full colour resolution; flat areas keep their colours to within 2 levels. */
export async function jpegOf(width: number, height: number, colorAt: ColorAt): Promise<Uint8Array> {
  return new Uint8Array(
    await sharp(pngOf(width, height, colorAt))
      .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer(),
  );
}

/** An uncompressed RGB TIFF of 8-bit samples, those beyond three without a meaning, the same everywhere. */
export function tiffOf(width: number, height: number, pixel: readonly number[]): Uint8Array {
  const samples = pixel.length;
  const [short, long] = [3, 4];
  const entries = 11;
  const extra = 8 + 2 + entries * 12 + 4;
  const strip = extra + 4 * samples;
  const fields: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, short, 1, width],
    [257, short, 1, height],
    [258, short, samples, extra],
    [259, short, 1, 1],
    [262, short, 1, 2],
    [273, long, 1, strip],
    [277, short, 1, samples],
    [278, short, 1, height],
    [279, long, 1, width * height * samples],
    [284, short, 1, 1],
    [338, short, samples - 3, samples - 3 > 2 ? extra + 2 * samples : 0],
  ];
  const out = Buffer.alloc(strip + width * height * samples);
  out.write('II*\0\x08', 0, 'latin1');
  out.writeUInt16LE(entries, 8);
  for (const [at, [tag, type, count, value]] of fields.entries()) {
    out.writeUInt16LE(tag, 10 + at * 12);
    out.writeUInt16LE(type, 12 + at * 12);
    out.writeUInt32LE(count, 14 + at * 12);
    out.writeUInt32LE(value, 18 + at * 12);
  }
  for (let sample = 0; sample < samples; sample++) out.writeUInt16LE(8, extra + 2 * sample);
  out.fill(Uint8Array.from(pixel), strip);
  return new Uint8Array(out);
}

/** The same colour everywhere. */
export function solid(color: Color): ColorAt {
  return () => color;
}

/** Four quadrants: left upper, right upper, left lower, right lower. */
export function quadrants(width: number, height: number, colors: readonly Color[]): ColorAt {
  return (x, y) => colors[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)] ?? [0, 0, 0];
}

function pngOfLines(
  width: number,
  height: number,
  bitDepth: number,
  colorType: number,
  lines: Uint8Array,
  palette?: readonly Color[],
  transparency?: readonly number[],
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, colorType], 8);
  return new Uint8Array(
    Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      ...(palette === undefined ? [] : [chunk('PLTE', Buffer.from(palette.flat()))]),
      ...(transparency === undefined ? [] : [chunk('tRNS', Buffer.from(transparency))]),
      chunk('IDAT', deflateSync(lines)),
      chunk('IEND', Buffer.alloc(0)),
    ]),
  );
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), out.length - 4);
  return out;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
