import { afterAll, describe, expect, it } from 'vitest';
import { type ImageSpec, RESIZE_KERNELS } from '#naiad/model-config/image-spec.js';
import { createPictureDecoder } from '#naiad/worker/decode/decoder-pool.js';
import { type Color, type ColorAt, jpegOf, pngOf, quadrants, solid } from '../../support/pictures.js';
import { aSpec, dataOf, expectNear, LogKeeper, pixelAt } from './decoding.js';

const decoder = createPictureDecoder({ threads: 1, log: new LogKeeper() });
afterAll(() => decoder.close());

async function decode(changes: Partial<ImageSpec>, picture: Uint8Array) {
  const spec = aSpec(changes);
  const data = dataOf(await decoder.decode(spec, [picture]));
  return { data, at: (x: number, y: number) => pixelAt(spec, data, x, y) };
}

/** Colours of every pixel of an expected picture, as the tensor's bytes. */
function bytesOf(width: number, height: number, colorAt: ColorAt): number[] {
  return Array.from({ length: width * height }, (_, at) => [
    ...colorAt(at % width, Math.floor(at / width)),
  ]).flat();
}

const mixed: ColorAt = (x, y) => [(x * 37 + y * 11) % 256, (x * 5 + y * 83) % 256, (x * x + y) % 256];

describe('nearest', () => {
  it.each([
    ['repeats pixels', 4, 3, 12, 9],
    ['takes the middle of each block', 15, 9, 5, 3],
    ['takes the pixel under each centre', 16, 10, 10, 7],
    ['may shrink one way and enlarge the other', 30, 2, 10, 8],
  ])('%s', async (_name, fromWidth, fromHeight, width, height) => {
    const { data } = await decode({ kernel: 'nearest', width, height }, pngOf(fromWidth, fromHeight, mixed));
    const expected = bytesOf(width, height, (x, y) =>
      mixed(Math.floor(((x + 0.5) * fromWidth) / width), Math.floor(((y + 0.5) * fromHeight) / height)),
    );
    expect([...data]).toEqual(expected);
  });

  it('stays exact where libvips would take blocks of hundreds', async () => {
    const { data } = await decode({ kernel: 'nearest', width: 3, height: 2 }, pngOf(1001, 702, mixed));
    const expected = bytesOf(3, 2, (x, y) =>
      mixed(Math.floor(((x + 0.5) * 1001) / 3), Math.floor(((y + 0.5) * 702) / 2)),
    );
    expect([...data]).toEqual(expected);
  });
});

/** Bilinear with pixel centres at halves and the border repeated; `at` gives what lies at a pixel. */
function bilinear(from: [number, number], to: [number, number], at: ColorAt): ColorAt {
  const axis = (position: number, source: number, scaled: number) => {
    const centre = Math.min(Math.max(((position + 0.5) * source) / scaled - 0.5, 0), source - 1);
    const low = Math.min(Math.floor(centre), source - 1);
    return { low, high: Math.min(low + 1, source - 1), part: centre - low };
  };
  return (x, y) => {
    const h = axis(x, from[0], to[0]);
    const v = axis(y, from[1], to[1]);
    const level = (channel: 0 | 1 | 2): number => {
      const upper = at(h.low, v.low)[channel] * (1 - h.part) + at(h.high, v.low)[channel] * h.part;
      const lower = at(h.low, v.high)[channel] * (1 - h.part) + at(h.high, v.high)[channel] * h.part;
      return Math.floor(upper * (1 - v.part) + lower * v.part + 0.5);
    };
    return [level(0), level(1), level(2)];
  };
}

describe('linear', () => {
  it.each([
    ['twice', 4, 3, 8, 6],
    ['four times', 4, 3, 16, 12],
    ['by different factors', 4, 3, 8, 12],
    ['in one direction', 4, 3, 4, 12],
  ])('enlarges %s about the centres of pixels', async (_name, fromWidth, fromHeight, width, height) => {
    // Multiples of 16, so that the weights' quarters and eighths leave no rounding to dispute.
    const at: ColorAt = (x, y) => [x * 64, y * 64 + x * 16, ((x * y * 5) % 16) * 16];
    const { data } = await decode({ width, height }, pngOf(fromWidth, fromHeight, at));
    expect([...data]).toEqual(bytesOf(width, height, bilinear([fromWidth, fromHeight], [width, height], at)));
  });

  it.each([2, 4])('keeps a slope when it shrinks %d times', async (factor) => {
    const from = 16 * factor;
    const slope = 240 / from;
    const at: ColorAt = (x, y) => [Math.round(x * slope), Math.round(y * slope), 100];
    const { at: got } = await decode({ width: 16, height: 16 }, pngOf(from, from, at));
    // The mean of the pixels below, which is what a symmetric kernel makes of a slope; not at the border.
    const level = (position: number): number => (position * factor + (factor - 1) / 2) * slope;
    for (const [x, y] of [
      [1, 1],
      [5, 9],
      [8, 8],
      [14, 2],
      [14, 14],
    ] as const) {
      expectNear(got(x, y), [level(x), level(y), 100], 1);
    }
  });

  it('averages what it shrinks', async () => {
    const stripes: ColorAt = (x) => (x % 2 === 0 ? [200, 0, 100] : [0, 200, 100]);
    const { at } = await decode({ width: 8, height: 8 }, pngOf(64, 64, stripes));
    expectNear(at(4, 4), [100, 100, 100], 1);
  });
});

describe('every kernel', () => {
  it.each(RESIZE_KERNELS)('%s leaves one colour as it is', async (kernel) => {
    for (const [fromWidth, fromHeight] of [
      [7, 5],
      [100, 60],
      [100, 5],
    ] as const) {
      const picture = pngOf(fromWidth, fromHeight, solid([201, 77, 13]));
      const { data } = await decode({ kernel, width: 32, height: 32 }, picture);
      expect([...data]).toEqual(bytesOf(32, 32, solid([201, 77, 13])));
    }
  });

  it.each(RESIZE_KERNELS)('%s moves nothing when it enlarges', async (kernel) => {
    // Symmetric pictures stay symmetric: what libvips makes of them leans to the right.
    const { at } = await decode(
      { kernel, width: 20, height: 20 },
      pngOf(4, 4, (x, y) => [x === 1 || x === 2 ? 255 : 0, y === 1 || y === 2 ? 255 : 0, 0]),
    );
    for (let x = 0; x < 10; x++) {
      expect(at(x, 9)).toEqual(at(19 - x, 9));
      expect(at(9, x)).toEqual(at(9, 19 - x));
    }
  });
});

describe('a large JPEG', () => {
  it('keeps a slope to within two levels, though libjpeg shrinks it first', async () => {
    const at: ColorAt = (x, y) => [Math.floor(x / 8), Math.floor(y / 8), 128];
    const { at: got } = await decode({ width: 64, height: 64 }, await jpegOf(2048, 2048, at));
    for (const [x, y] of [
      [2, 2],
      [31, 32],
      [61, 2],
      [40, 61],
    ] as const) {
      expectNear(got(x, y), [x * 4 + 1.5, y * 4 + 1.5, 128], 2);
    }
  });
});

const RED: Color = [250, 0, 0];
const GREEN: Color = [0, 250, 0];
const BLUE: Color = [0, 0, 250];
const WHITE: Color = [250, 250, 250];
const PAD: Color = [1, 2, 3];
const four = [RED, GREEN, BLUE, WHITE];

describe('contain', () => {
  it.each(['nearest', 'linear'] as const)('leaves free what it does not fill, %s', async (kernel) => {
    const changes = { resize: 'contain', kernel, width: 20, height: 20, padColor: PAD } as const;
    const { at } = await decode(changes, pngOf(80, 40, quadrants(80, 40, four)));
    expect([at(0, 0), at(19, 4), at(10, 15), at(0, 19)]).toEqual([PAD, PAD, PAD, PAD]);
    expect([at(0, 5), at(19, 5), at(0, 14), at(19, 14)]).toEqual(four);
  });

  it('enlarges', async () => {
    const changes = { resize: 'contain', width: 12, height: 20, padColor: PAD } as const;
    const { at } = await decode(changes, pngOf(2, 2, quadrants(2, 2, four)));
    expect([at(0, 3), at(11, 16)]).toEqual([PAD, PAD]);
    expect([at(0, 4), at(11, 4), at(0, 15), at(11, 15)]).toEqual(four);
  });

  it('pads after normalising and in gray', async () => {
    const gray = { resize: 'contain', channels: 1, width: 4, height: 2, padColor: [255, 0, 0] } as const;
    const { data } = await decode(gray, pngOf(2, 2, solid([9, 9, 9])));
    expect([...data]).toEqual([76, 9, 9, 76, 76, 9, 9, 76]);
    const floats = { ...gray, channels: 3, color: 'bgr', datatype: 'FP32', layout: 'NCHW' } as const;
    const spec = { ...floats, mean: [5, 6, 7], std: [1, 2, 4], scale: 2 };
    const planes = new Float32Array((await decode(spec, pngOf(2, 2, solid([9, 9, 9])))).data.buffer);
    expect([...planes.subarray(0, 4)]).toEqual([-10, 8, 8, -10]);
    expect([...planes.subarray(8, 12)]).toEqual([-6, 3, 3, -6]);
    expect([...planes.subarray(16, 20)]).toEqual([124, 1, 1, 124]);
  });
});

describe('cover', () => {
  it.each(['nearest', 'linear'] as const)('shows the middle of a wide picture, %s', async (kernel) => {
    const thirds: ColorAt = (x) => (x < 20 ? RED : x < 60 ? GREEN : BLUE);
    const { data } = await decode({ resize: 'cover', kernel, width: 20, height: 20 }, pngOf(80, 40, thirds));
    // The kernel reaches over the seam into the outermost columns.
    const inner = kernel === 'linear' ? 1 : 0;
    for (let x = inner; x < 20 - inner; x++) expect([...data.subarray(x * 3, x * 3 + 3)]).toEqual(GREEN);
  });

  it('shows the middle of a high picture, enlarged', async () => {
    const thirds: ColorAt = (_x, y) => (y < 2 ? RED : y < 6 ? GREEN : BLUE);
    const { data } = await decode({ resize: 'cover', kernel: 'nearest' }, pngOf(4, 8, thirds));
    expect([...data]).toEqual(bytesOf(4, 4, solid(GREEN)));
    const enlarged = await decode(
      { resize: 'cover', kernel: 'nearest', width: 12, height: 12 },
      pngOf(4, 8, thirds),
    );
    expect([...enlarged.data]).toEqual(bytesOf(12, 12, solid(GREEN)));
  });

  it('enlarges as if the whole picture had been', async () => {
    const at: ColorAt = (x, y) => [x * 32, y * 64, 16];
    const { data } = await decode({ resize: 'cover', width: 8, height: 8 }, pngOf(8, 4, at));
    const whole = bilinear([8, 4], [16, 8], at);
    expect([...data]).toEqual(bytesOf(8, 8, (x, y) => whole(x + 4, y)));
  });
});
