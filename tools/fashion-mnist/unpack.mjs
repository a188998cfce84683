/**
 * Writes labelled pictures of Fashion-MNIST as PNG files, a folder for each class:
 *
 *     node unpack.mjs DATASET OUT [--part=t10k|train] [--every=N]
 *
 * DATASET is the folder with the four files t10k-images-idx3-ubyte.gz and so on.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';

/** As folders may be called; `repository/fashion_mnist/labels.txt` has the names themselves, in this order. */
const CLASSES = [
  't-shirt_top',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle_boot',
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { part: { type: 'string', default: 't10k' }, every: { type: 'string', default: '1' } },
});
const [dataset = '', out = ''] = positionals;
if (dataset === '' || out === '')
  throw new Error('node unpack.mjs DATASET OUT [--part=t10k|train] [--every=N]');

/** Pictures or labels: sizes big-endian behind four bytes of which the last is their number. */
function readIdx(name) {
  const data = gunzipSync(readFileSync(join(dataset, `${values.part}-${name}-ubyte.gz`)));
  const rank = data[3];
  const sizes = Array.from({ length: rank }, (_, axis) => data.readUInt32BE(4 + 4 * axis));
  return { sizes, data: data.subarray(4 + 4 * rank) };
}

const labels = readIdx('labels-idx1').data;
const {
  sizes: [count = 0, height = 0, width = 0],
  data: pixels,
} = readIdx('images-idx3');

for (const name of CLASSES) mkdirSync(join(out, name), { recursive: true });
const step = Number(values.every);
let written = 0;
for (let index = 0; index < count; index += step) {
  const picture = pixels.subarray(index * height * width, (index + 1) * height * width);
  const name = `${String(index).padStart(5, '0')}.png`;
  await sharp(picture, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(join(out, CLASSES[labels[index]], name));
  written++;
}
process.stdout.write(`${written} pictures in ${CLASSES.length} folders of ${out}\n`);
