import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageSpec } from '#naiad/model-config/image-spec.js';
import { createPictureDecoder } from '#naiad/worker/decode/decoder-pool.js';
import {
  type Color,
  encodePng,
  jpegOf,
  PNG_GRAY,
  PNG_GRAY_ALPHA,
  PNG_PALETTE,
  PNG_RGB,
  PNG_RGBA,
  pngOf,
  quadrants,
  solid,
} from '../../support/pictures.js';
import { aSpec, dataOf, expectNear, LogKeeper, pixelAt } from './decoding.js';

const decoder = createPictureDecoder({ threads: 1, log: new LogKeeper() });
afterAll(() => decoder.close());

async function pixels(changes: Partial<ImageSpec>, picture: Uint8Array): Promise<number[][]> {
  const spec = aSpec(changes);
  const data = dataOf(await decoder.decode(spec, [picture]));
  return Array.from({ length: spec.width * spec.height }, (_, at) =>
    pixelAt(spec, data, at % spec.width, Math.floor(at / spec.width)),
  );
}

const RED: Color = [200, 10, 20];
const GREEN: Color = [30, 180, 40];
const BLUE: Color = [50, 60, 220];
const WHITE: Color = [240, 241, 242];
const four = [RED, GREEN, BLUE, WHITE];
const SIDE = 16;
const corners = { width: 2, height: 2 } as const;
const square = pngOf(SIDE, SIDE, quadrants(SIDE, SIDE, four));
const encodedBy = async (made: Sharp): Promise<Uint8Array> => new Uint8Array(await made.toBuffer());

describe('formats', () => {
  const cases: readonly [string, () => Promise<Uint8Array>, number][] = [
    ['JPEG', () => jpegOf(SIDE, SIDE, quadrants(SIDE, SIDE, four)), 4],
    ['progressive JPEG', () => encodedBy(sharp(square).jpeg({ quality: 95, progressive: true })), 6],
    ['PNG', async () => square, 0],
    ['interlaced PNG', () => encodedBy(sharp(square).png({ progressive: true })), 0],
    ['lossless WebP', () => encodedBy(sharp(square).webp({ lossless: true })), 0],
    ['lossy WebP', () => encodedBy(sharp(square).webp({ quality: 95 })), 12],
    ['AVIF', () => encodedBy(sharp(square).avif({ quality: 90, chromaSubsampling: '4:4:4', effort: 0 })), 6],
    ['TIFF', () => encodedBy(sharp(square).tiff({ compression: 'lzw' })), 0],
    ['tiled TIFF', () => encodedBy(sharp(square).tiff({ tile: true, compression: 'deflate' })), 0],
    ['GIF', () => encodedBy(sharp(square).gif()), 0],
  ];
  it.each(cases)('%s', async (_name, make, tolerance) => {
    // The middles of the quadrants, so that the codecs' blocks and chroma do not reach over the seams.
    const got = await pixels({ ...corners, kernel: 'nearest' }, await make());
    for (const [at, color] of four.entries()) expectNear(got[at] ?? [], color, tolerance);
  });

  it.each(['gif', 'webp'] as const)('shows the first frame of an animated %s', async (format) => {
    const frames = encodePng({
      width: 8,
      height: 24,
      colorType: PNG_RGB,
      bitDepth: 8,
      samplesAt: (_x, y) => [RED, GREEN, BLUE][Math.floor(y / 8)] ?? WHITE,
    });
    const raw = await sharp(frames).raw().toBuffer();
    const strip = sharp(raw, { raw: { width: 8, height: 24, channels: 3, pageHeight: 8 } });
    const animation = await encodedBy(format === 'gif' ? strip.gif() : strip.webp({ lossless: true }));
    expect((await sharp(animation).metadata()).pages).toBe(3);
    expect(await pixels(corners, animation)).toEqual([RED, RED, RED, RED]);
  });

  it('shows the first page of a TIFF', async () => {
    const raw = await sharp(pngOf(8, 16, quadrants(8, 16, [RED, RED, BLUE, BLUE])))
      .raw()
      .toBuffer();
    const strip = sharp(raw, { raw: { width: 8, height: 16, channels: 3, pageHeight: 8 } });
    const pages = await encodedBy(strip.tiff({ compression: 'none' }));
    expect((await sharp(pages).metadata()).pages).toBe(2);
    expect(await pixels(corners, pages)).toEqual([RED, RED, RED, RED]);
  });
});

describe('orientation', () => {
  /** What is seen at left above, right above, left below, right below, as quadrants of the stored picture. */
  const SEEN: readonly (readonly [number, number, number, number])[] = [
    [0, 1, 2, 3],
    [1, 0, 3, 2],
    [3, 2, 1, 0],
    [2, 3, 0, 1],
    [0, 2, 1, 3],
    [2, 0, 3, 1],
    [3, 1, 2, 0],
    [1, 3, 0, 2],
  ];
  const wide = pngOf(64, 32, quadrants(64, 32, four));

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('%d is set upright', async (orientation) => {
    const picture = await encodedBy(
      sharp(wide).withMetadata({ orientation }).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }),
    );
    const seen = (SEEN[orientation - 1] ?? []).map((at) => four[at] ?? WHITE);
    for (const resize of ['stretch', 'cover'] as const) {
      for (const kernel of ['nearest', 'linear'] as const) {
        const got = await pixels({ width: 8, height: 8, resize, kernel }, picture);
        const middles = [9, 14, 49, 54].map((at) => got[at] ?? []);
        for (const [at, color] of seen.entries()) expectNear(middles[at] ?? [], color, 4);
      }
    }
    // Turned by a quarter the picture is high, and what is free lies at its sides.
    const turned = orientation > 4;
    const got = await pixels({ width: 8, height: 8, resize: 'contain', padColor: [9, 9, 9] }, picture);
    expect(got[8 * 4]).toEqual(turned ? [9, 9, 9] : got[8 * 4]);
    expectNear(got[turned ? 2 : 16] ?? [], seen[0] ?? [], 4);
    expect(got[turned ? 1 : 8]).toEqual([9, 9, 9]);
  });
});

describe('samples', () => {
  const flat = (colorType: number, bitDepth: number, samples: readonly number[]): Uint8Array =>
    encodePng({ width: 4, height: 4, colorType, bitDepth, samplesAt: () => samples });
  const first = async (changes: Partial<ImageSpec>, picture: Uint8Array): Promise<number[] | undefined> =>
    (await pixels(changes, picture))[0];

  it.each([
    [1, 1, 255],
    [2, 2, 170],
    [4, 9, 153],
    [8, 77, 77],
    [16, 0x4dff, 0x4d],
  ])('%d-bit gray', async (bitDepth, sample, level) => {
    const picture = flat(PNG_GRAY, bitDepth, [sample]);
    expect(await first({}, picture)).toEqual([level, level, level]);
    expect(await first({ channels: 1 }, picture)).toEqual([level]);
  });

  it('16-bit colour, of which the upper 8 are taken', async () => {
    expect(await first({}, flat(PNG_RGB, 16, [0x12ff, 0x8000, 0xffff]))).toEqual([0x12, 0x80, 0xff]);
  });

  it.each([1, 2, 4, 8])('%d-bit palette', async (bitDepth) => {
    const palette = [RED, GREEN];
    const picture = encodePng({
      width: 4,
      height: 4,
      colorType: PNG_PALETTE,
      bitDepth,
      samplesAt: (x) => [x % 2],
      palette,
    });
    expect((await pixels({}, picture)).slice(0, 4)).toEqual([RED, GREEN, RED, GREEN]);
  });

  const background: Color = [10, 200, 30];
  const over = (samples: readonly number[], alpha: number): number[] =>
    samples.map((sample, at) => sample * alpha + (background[at] ?? 0) * (1 - alpha));

  it.each([0, 51, 128, 255])('alpha %d lets the background shine through', async (alpha) => {
    const share = alpha / 255;
    const coloured = await first({ background }, flat(PNG_RGBA, 8, [100, 50, 250, alpha]));
    expectNear(coloured ?? [], over([100, 50, 250], share), 1);
    const gray = await first({ background }, flat(PNG_GRAY_ALPHA, 8, [77, alpha]));
    expectNear(gray ?? [], over([77, 77, 77], share), 1);
    const deep = await first({ background }, flat(PNG_RGBA, 16, [0x6480, 0x3280, 0xfa80, alpha * 257]));
    expectNear(deep ?? [], over([100.5, 50.5, 250.5], share), 1.5);
    const deepGray = await first({ background }, flat(PNG_GRAY_ALPHA, 16, [0x4d80, alpha * 257]));
    expectNear(deepGray ?? [], over([77.5, 77.5, 77.5], share), 1.5);
    expectNear(
      (await first({}, flat(PNG_GRAY_ALPHA, 8, [77, alpha]))) ?? [],
      [77 * share, 77 * share, 77 * share],
      1,
    );
  });

  it('transparent entries of a palette', async () => {
    const picture = encodePng({
      width: 2,
      height: 1,
      colorType: PNG_PALETTE,
      bitDepth: 1,
      samplesAt: (x) => [x],
      palette: [RED, GREEN],
      transparency: [0],
    });
    expect(await pixels({ width: 2, height: 1, background }, picture)).toEqual([background, GREEN]);
  });

  it('transparent pixels give no colour to their neighbours', async () => {
    const picture = encodePng({
      width: 64,
      height: 64,
      colorType: PNG_RGBA,
      bitDepth: 8,
      samplesAt: (x) => (x % 2 === 0 ? [255, 0, 0, 0] : [0, 0, 255, 255]),
    });
    const got = await pixels({ width: 4, height: 4, background: [0, 255, 0] }, picture);
    expectNear(got[5] ?? [], [0, 127.5, 127.5], 2);
  });

  it('CMYK JPEG', async () => {
    const colors = quadrants(32, 32, [
      [255, 255, 255],
      [0, 0, 0],
      [150, 150, 150],
      [200, 60, 60],
    ]);
    const cmyk = await encodedBy(
      sharp(pngOf(32, 32, colors))
        .toColourspace('cmyk')
        .jpeg({ quality: 100, chromaSubsampling: '4:4:4' }),
    );
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk');
    const [white, black, gray, red] = await pixels({ ...corners, kernel: 'nearest' }, cmyk);
    expectNear(white ?? [], [255, 255, 255], 3);
    // Printed black is not quite black.
    expectNear(black ?? [], [0, 0, 0], 45);
    expectNear(gray ?? [], [150, 150, 150], 20);
    expectNear(red ?? [], [200, 60, 60], 25);
  });

  it('gray JPEG', async () => {
    const gray = await encodedBy(
      sharp(pngOf(16, 16, solid([99, 99, 99])))
        .toColourspace('b-w')
        .jpeg(),
    );
    expect((await sharp(gray).metadata()).channels).toBe(1);
    expect(await first({}, gray)).toEqual([99, 99, 99]);
    const padded = await pixels({ resize: 'contain', width: 6, height: 4, padColor: [1, 2, 3] }, gray);
    expect(padded.slice(0, 3)).toEqual([
      [1, 2, 3],
      [99, 99, 99],
      [99, 99, 99],
    ]);
  });

  describe('a colour profile', () => {
    let wideGamut: Uint8Array;
    beforeAll(async () => {
      wideGamut = await encodedBy(
        sharp(pngOf(16, 16, solid(RED)))
          .withIccProfile('p3')
          .png(),
      );
    });

    it('is turned into sRGB', async () => {
      const unconverted = await sharp(wideGamut, { ignoreIcc: true }).raw().toBuffer();
      expect(Math.abs((unconverted[0] ?? 0) - RED[0])).toBeGreaterThan(8);
      expectNear((await first({}, wideGamut)) ?? [], RED, 2);
    });
  });
});
