import { NANO_DET_PIXELS } from '../nets/nano-det.ts';
import type { Picture } from '../runtime/picture.ts';

/** Blue, green, red: the order, means and deviations that NanoDet was trained with. */
const CHANNELS = [
  { colour: 2, mean: 103.53, deviation: 57.375 },
  { colour: 1, mean: 116.28, deviation: 57.12 },
  { colour: 0, mean: 123.675, deviation: 58.395 },
];

interface FloatInput {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export async function nanoDetInput(picture: Picture): Promise<FloatInput> {
  return nanoDetTensor(await picture.rgb(NANO_DET_PIXELS, 'stretch'), NANO_DET_PIXELS);
}

/** The tensor of a square picture's red, green and blue bytes. */
export function nanoDetTensor(rgb: Uint8Array, side: number): FloatInput {
  const pixels = side ** 2;
  const data = new Float32Array(CHANNELS.length * pixels);
  CHANNELS.forEach(({ colour, mean, deviation }, channel) => {
    for (let pixel = 0; pixel < pixels; pixel++) {
      data[channel * pixels + pixel] = (rgb[pixel * 3 + colour] - mean) / deviation;
    }
  });
  return { shape: [1, CHANNELS.length, side, side], data };
}
