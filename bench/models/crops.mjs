import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { Random } from './random.mjs';

/**
 * @typedef {object} Crop a part of a picture
 * @property {string} file
 * @property {number} left
 * @property {number} top
 * @property {number} width
 * @property {number} height
 */

/** Part of a side by which a crop is moved at most. */
const SHIFT_MAX = 0.1;
/** Factor by which a crop is made larger or smaller at most. */
const ZOOM_MAX = 1.3;

/**
 * Pixels of crops as RGB, each of them moved and zoomed a little, `each` times, and mirrored every other time.
 * @param {readonly Crop[]} crops
 * @param {{ side: number, each: number, seed: number }} options `side` of the square pictures that come out
 * @returns {Promise<Buffer[]>} rows of pixels, 3 bytes each
 */
export async function jitteredPixels(crops, { side, each, seed }) {
  const random = new Random(seed);
  const pixels = [];
  for (const crop of crops) {
    const { width: right = 0, height: bottom = 0 } = await sharp(crop.file).metadata();
    for (let count = 0; count < each; count++) {
      const zoom = ZOOM_MAX ** (2 * random.uniform() - 1);
      const [width, left] = part(crop.left, crop.width, right, zoom, random);
      const [height, top] = part(crop.top, crop.height, bottom, zoom, random);
      const picture = sharp(crop.file).extract({ left, top, width, height });
      if (count % 2 === 1) picture.flop();
      pixels.push(
        await picture
          .resize(side, side, { fit: 'cover' })
          .removeAlpha()
          .toColourspace('srgb')
          .raw()
          .toBuffer(),
      );
    }
  }
  return pixels;
}

/** The whole of a picture. @param {string} file @returns {Promise<Crop>} */
export async function whole(file) {
  const { width = 0, height = 0 } = await sharp(file).metadata();
  return { file, left: 0, top: 0, width, height };
}

/** A folder of samples, each the bytes of one tensor. @param {string} folder @param {readonly Uint8Array[]} tensors */
export async function writeSamples(folder, tensors) {
  await mkdir(folder, { recursive: true });
  for (const [index, bytes] of tensors.entries()) {
    await writeFile(join(folder, `${String(index).padStart(4, '0')}.raw`), bytes);
  }
}

/**
 * Length and start of a side that stays within the picture.
 * @param {number} start
 * @param {number} length
 * @param {number} end of the picture
 * @param {number} zoom
 * @param {Random} random
 */
function part(start, length, end, zoom, random) {
  const own = Math.min(end, Math.round(length * zoom));
  const shift = (2 * random.uniform() - 1) * SHIFT_MAX * length;
  const wanted = Math.round(start + (length - own) / 2 + shift);
  return /** @type {const} */ ([own, Math.max(0, Math.min(end - own, wanted))]);
}
