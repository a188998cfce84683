import { nanoDetTensor } from '../objects/nano-det-input.ts';
import type { Box, PictureSize } from '../runtime/picture.ts';
import { GAINS, lit, mirrored } from '../runtime/pixels.ts';
import type { Sample } from './engine.ts';
import { CALIBRATION_PHOTOS, openPhoto } from './photos.ts';

/** Parts of a photo that are looked at besides the whole: left, top, width and height as fractions. */
const PARTS = [
  [0, 0, 1, 1],
  [0, 0, 0.6, 0.6],
  [0.4, 0, 0.6, 0.6],
  [0, 0.4, 0.6, 0.6],
  [0.4, 0.4, 0.6, 0.6],
  [0.3, 0.2, 0.4, 0.5],
] as const;

/**
 * The faces of all photos as bytes, each cut out `factors` times as large as its box, as it is and mirrored, in
 * changing light.
 */
export async function* faceInputs(pixels: number, factors: readonly number[]): AsyncIterable<Sample> {
  let turn = 0;
  for (const photo of CALIBRATION_PHOTOS) {
    const picture = openPhoto(photo);
    const size = await picture.size();
    for (const face of photo.faces) {
      for (const factor of factors) {
        const rgb = await picture.crop(grown(face, factor, size)).rgb(pixels, 'contain');
        for (const bytes of [rgb, mirrored(rgb, pixels)]) {
          const data = lit(bytes, GAINS[turn++ % GAINS.length]);
          yield { image: { type: 'uint8', dims: [1, pixels, pixels, 3], data } };
        }
      }
    }
  }
}

/** All photos and parts of them as NanoDet takes them, as they are and mirrored, in changing light. */
export async function* sceneInputs(pixels: number): AsyncIterable<Sample> {
  let turn = 0;
  for (const photo of CALIBRATION_PHOTOS) {
    const picture = openPhoto(photo);
    const { width, height } = await picture.size();
    for (const [left, top, wide, high] of PARTS) {
      const part = {
        left: Math.floor(left * width),
        top: Math.floor(top * height),
        width: Math.floor(wide * width),
        height: Math.floor(high * height),
      };
      const rgb = await picture.crop(part).rgb(pixels, 'stretch');
      for (const bytes of [rgb, mirrored(rgb, pixels)]) {
        const { shape, data } = nanoDetTensor(lit(bytes, GAINS[turn++ % GAINS.length]), pixels);
        yield { image: { type: 'float32', dims: shape, data } };
      }
    }
  }
}

/** The box `factor` times as large around its middle, cut off at the borders of the picture. */
function grown(box: Box, factor: number, size: PictureSize): Box {
  const grow = (start: number, length: number, end: number) => {
    const first = Math.max(0, Math.round(start + (length * (1 - factor)) / 2));
    return { first, length: Math.min(Math.round(length * factor), end - first) };
  };
  const across = grow(box.left, box.width, size.width);
  const down = grow(box.top, box.height, size.height);
  return { left: across.first, top: down.first, width: across.length, height: down.length };
}
