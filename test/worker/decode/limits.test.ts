import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageSpec } from '#naiad/model-config/image-spec.js';
import { createPictureDecoder } from '#naiad/worker/decode/decoder-pool.js';
import { refusalOfFailure, refusalOfHeader } from '#naiad/worker/decode/refusals.js';
import { blackPng, encodePng, jpegOf, PNG_RGBA, pngOf, quadrants, tiffOf } from '../../support/pictures.js';
import { aSpec, LogKeeper } from './decoding.js';

const log = new LogKeeper();
const decoder = createPictureDecoder({ threads: 2, log });
afterAll(() => decoder.close());

const RESIZES = ['stretch', 'cover', 'contain'] as const;

async function refusal(changes: Partial<ImageSpec>, picture: Uint8Array): Promise<string> {
  const decoded = await decoder.decode(aSpec(changes), [picture]);
  return decoded.kind === 'refused' ? decoded.problem.reason : 'decoded';
}

const at = quadrants(64, 48, [
  [250, 10, 20],
  [3, 200, 40],
  [50, 60, 220],
  [255, 255, 255],
]);
const png = pngOf(64, 48, at);
const pictures = new Map<string, Uint8Array>();

beforeAll(async () => {
  const noisy = encodePng({
    width: 64,
    height: 48,
    colorType: PNG_RGBA,
    bitDepth: 8,
    samplesAt: (x, y) => [(x * 97 + y * 57) % 256, (x * y) % 256, (x * x) % 256, 255],
  });
  pictures.set('JPEG', await jpegOf(64, 48, (x, y) => [(x * 97 + y * 57) % 256, (x * y) % 256, 9]));
  pictures.set('PNG', noisy);
  pictures.set('WebP', new Uint8Array(await sharp(noisy).webp().toBuffer()));
  pictures.set('AVIF', new Uint8Array(await sharp(noisy).avif({ effort: 0 }).toBuffer()));
  pictures.set('GIF', new Uint8Array(await sharp(noisy).gif().toBuffer()));
  pictures.set('TIFF', new Uint8Array(await sharp(noisy).tiff({ compression: 'lzw' }).toBuffer()));
});

describe('refused without a decoder', () => {
  it('an empty picture', async () => {
    expect(await refusal({}, new Uint8Array())).toBe('is empty');
  });

  it('too many bytes', async () => {
    expect(await refusal({ bytesMax: png.byteLength }, png)).toBe('decoded');
    expect(await refusal({ bytesMax: 100 }, png)).toBe(
      `has ${png.byteLength} bytes, more than the 100 allowed (image.max_bytes)`,
    );
  });

  it.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'],
    ['SVG behind a declaration', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['PDF', '%PDF-1.7\n'],
    ['PPM', 'P6 2 2 255\n123456789012'],
    ['text', 'hello'],
  ])('%s', async (_name, text) => {
    expect(await refusal({}, new TextEncoder().encode(text))).toBe(
      'is not a JPEG, PNG, WebP, AVIF, GIF or TIFF picture',
    );
  });
});

describe('refused by the header', () => {
  it('400 million pixels in a few kilobytes', async () => {
    const bomb = blackPng(20_000, 20_000);
    expect(bomb.byteLength).toBeLessThan(100_000);
    for (const resize of RESIZES) {
      expect(await refusal({ resize, pixelsMax: 50_000_000 }, bomb)).toBe(
        'has 400.0 million pixels, more than the 50.0 million allowed (image.max_pixels)',
      );
    }
  });

  it.each(['JPEG', 'PNG', 'WebP', 'AVIF', 'GIF', 'TIFF'])(
    'a %s above the limit, not one at it',
    async (format) => {
      const picture = pictures.get(format) ?? new Uint8Array();
      for (const resize of RESIZES) {
        expect(await refusal({ resize, pixelsMax: 64 * 48 }, picture)).toBe('decoded');
        expect(await refusal({ resize, pixelsMax: 64 * 48 - 1 }, picture)).toBe(
          'has 3072 pixels, more than the 3071 allowed (image.max_pixels)',
        );
      }
    },
  );

  it.each(['gif', 'webp'] as const)('too many frames of a %s', async (format) => {
    const raw = Buffer.from(Array.from({ length: 8 * 40 * 3 }, (_, byte) => (byte * 7) % 256));
    const strip = sharp(raw, { raw: { width: 8, height: 40, channels: 3, pageHeight: 8 } });
    const animation = new Uint8Array(await strip.toFormat(format).toBuffer());
    expect(await refusal({ framesMax: 5 }, animation)).toBe('decoded');
    expect(await refusal({ framesMax: 4 }, animation)).toBe(
      'has 5 frames, more than the 4 allowed (image.max_frames)',
    );
  });

  it('shows numbers that differ', () => {
    const header = { width: 10_000, height: 5_001, frames: 1 };
    expect(refusalOfHeader(aSpec(), header)).toBe(
      'has 50010000 pixels, more than the 50000000 allowed (image.max_pixels)',
    );
  });
});

describe('refused by the decoder', () => {
  it.each(['JPEG', 'PNG', 'WebP', 'AVIF', 'GIF', 'TIFF'])('a truncated %s', async (format) => {
    const picture = pictures.get(format) ?? new Uint8Array();
    expect(await refusal({}, picture)).toBe('decoded');
    for (const share of [0.05, 0.5, 0.9]) {
      const cut = picture.slice(0, Math.max(40, Math.floor(picture.byteLength * share)));
      for (const resize of RESIZES) {
        expect(await refusal({ resize }, cut)).toMatch(/^is truncated or corrupt: \S.*\S$/);
      }
    }
  });

  it('damaged pixels of a PNG', async () => {
    const damaged = Uint8Array.from(pictures.get('PNG') ?? []);
    const middle = damaged.length >> 1;
    damaged[middle] = (damaged[middle] ?? 0) ^ 0xff;
    expect(await refusal({}, damaged)).toMatch(/^is truncated or corrupt: /);
  });

  it.each([4, 5, 6])('a TIFF of %d channels unless the surplus one is alpha', async (channels) => {
    const picture = tiffOf(8, 8, [10, 20, 30, 255, 50, 60].slice(0, channels));
    expect(await refusal({}, picture)).toBe(
      channels === 4 ? 'decoded' : 'has more channels than a colour picture',
    );
  });

  it('a header alone', async () => {
    expect(await refusal({}, Uint8Array.of(0xff, 0xd8, 0xff))).toMatch(/^is truncated or corrupt: /);
  });

  it('what takes too long', () => {
    expect(refusalOfFailure('timeout: 28% complete\nVipsImage: killed for image "temp-288"')).toBe(
      'took longer than 30 s to decode',
    );
  });

  it('reads the decoder for people', () => {
    expect(refusalOfFailure('source: bad seek to 7\nheif: Invalid input: End of file\n (2.100)')).toBe(
      'is truncated or corrupt: Invalid input: End of file',
    );
    expect(refusalOfFailure('VipsImage: killed')).toBe('is truncated or corrupt: its data ends early');
  });
});

describe('any bytes', () => {
  it('end in a tensor or a reason, whatever is damaged', async () => {
    const formats = fc.constantFrom('JPEG', 'PNG', 'WebP', 'AVIF', 'GIF', 'TIFF');
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(formats, damage, fc.constantFrom(...RESIZES), async (format, changes, resize) => {
        const picture = Uint8Array.from(pictures.get(format) ?? []);
        for (const [where, value] of changes) picture[where % picture.length] = value;
        const decoded = await decoder.decode(aSpec({ resize, pixelsMax: 1_000_000 }), [picture]);
        if (decoded.kind === 'decoded') expect(decoded.data.byteLength).toBe(4 * 4 * 3);
        else expect(decoded.problem.reason).toMatch(/^(is|has|took) /);
      }),
      { numRuns: 150 },
    );
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
