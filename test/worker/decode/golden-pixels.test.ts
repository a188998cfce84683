import { afterAll, describe, expect, it } from 'vitest';
import type { ImageSpec } from '#naiad/model-config/image-spec.js';
import { createPictureDecoder } from '#naiad/worker/decode/decoder-pool.js';
import { type Color, pngOf } from '../../support/pictures.js';
import { aSpec, dataOf, halfOf, LogKeeper } from './decoding.js';

const decoder = createPictureDecoder({ threads: 1, log: new LogKeeper() });
afterAll(() => decoder.close());

const WIDTH = 5;
const HEIGHT = 3;
/** No two pixels and no two channels alike, both ends of the range among them. */
const colorAt = (x: number, y: number): Color => [x * 60 + y, 255 - y * 100 - x, (x * 7 + y * 31) % 256];
const png = pngOf(WIDTH, HEIGHT, colorAt);

/** The same picture's tensor, straight from the definition. */
function expectedValues(spec: ImageSpec): number[] {
  const values = new Array<number>(WIDTH * HEIGHT * spec.channels).fill(Number.NaN);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const [red, green, blue] = colorAt(x, y);
      const gray = Math.round((red * 19_595 + green * 38_470 + blue * 7_471) / 65_536);
      const pixel = { rgb: [red, green, blue], bgr: [blue, green, red], gray: [gray] }[spec.color];
      pixel.forEach((level, channel) => {
        const at =
          spec.layout === 'NHWC'
            ? (y * WIDTH + x) * spec.channels + channel
            : (channel * HEIGHT + y) * WIDTH + x;
        values[at] = ((level - (spec.mean[channel] ?? 0)) / (spec.std[channel] ?? 1)) * spec.scale;
      });
    }
  }
  return values;
}

const HALVES = Array.from({ length: 65_536 }, (_, bits) => halfOf(bits)).filter(Number.isFinite);

function nearestHalf(value: number): number {
  return HALVES.reduce((best, half) => (Math.abs(half - value) < Math.abs(best - value) ? half : best), 0);
}

const MEAN_STD = {
  rgb: { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
  bgr: { mean: [103.53, 116.28, 123.675], std: [57.375, 57.12, 58.395] },
  gray: { mean: [127.5], std: [-127.5] },
} as const;

describe('a picture of the size of the frame', () => {
  for (const layout of ['NHWC', 'NCHW'] as const) {
    for (const color of ['rgb', 'bgr', 'gray'] as const) {
      const base = {
        layout,
        color,
        channels: color === 'gray' ? 1 : 3,
        width: WIDTH,
        height: HEIGHT,
      } as const;

      it(`is copied as UINT8 ${layout} ${color}`, async () => {
        const spec = aSpec({ ...base, datatype: 'UINT8' });
        const data = dataOf(await decoder.decode(spec, [png]));
        expect([...data]).toEqual(expectedValues(spec));
        expect(data.byteLength).toBe(data.buffer.byteLength);
      });

      it(`is normalised as FP32 ${layout} ${color}`, async () => {
        const spec = aSpec({ ...base, datatype: 'FP32', ...MEAN_STD[color], scale: 0.25 });
        const data = dataOf(await decoder.decode(spec, [png]));
        expect([...new Float32Array(data.buffer)]).toEqual(expectedValues(spec).map(Math.fround));
      });

      it(`is normalised as FP16 ${layout} ${color}`, async () => {
        const spec = aSpec({ ...base, datatype: 'FP16', ...MEAN_STD[color] });
        const data = dataOf(await decoder.decode(spec, [png]));
        const halves = [...new Uint16Array(data.buffer)].map(halfOf);
        expect(halves).toEqual(expectedValues(spec).map(nearestHalf));
      });
    }
  }

  it('gives the levels of Pillow in gray', async () => {
    const spec = aSpec({ channels: 1, width: 4, height: 1 });
    const colors: readonly Color[] = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [255, 255, 255],
    ];
    const picture = pngOf(4, 1, (x) => colors[x] ?? [0, 0, 0]);
    expect([...dataOf(await decoder.decode(spec, [picture]))]).toEqual([76, 150, 29, 255]);
  });
});
