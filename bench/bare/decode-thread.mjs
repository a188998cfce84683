import { readFile } from 'node:fs/promises';
import { workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { loop } from './loop.mjs';

/** @type {{ options: { files: readonly string[], height: number, width: number } }} */
const { options } = workerData;
const { files, height, width } = options;

// As a server would set it that has many pictures at a time: one core for each.
sharp.cache(false);
sharp.concurrency(1);

const pictures = await Promise.all(files.map((file) => readFile(file)));

/** The work that the server's `image.resize: cover` describes: upright, sRGB, scaled, the middle cut out. */
await loop((index) =>
  sharp(pictures[index % pictures.length], { autoOrient: true, failOn: 'error' })
    .resize(width, height, { fit: 'cover', kernel: 'linear', fastShrinkOnLoad: false })
    .flatten({ background: { r: 0, g: 0, b: 0 } })
    .toColourspace('srgb')
    .raw()
    .toBuffer(),
);
