/**
 * Prints how far the 8-bit nets are from their originals, and how fast both are here: the figures of
 * docs/quantization.md. The arguments are further photos for object_detection.
 */
import { statSync } from 'node:fs';
import path from 'node:path';
import { bytesInput } from '../check/face-api-nets.ts';
import { cosineOf, indexOfLargest } from '../check/likeness.ts';
import { examplePicture, readSamples } from '../check/samples.ts';
import { FACE_PIXELS } from '../nets/face-api/dense-extractor.ts';
import { EMBEDDING_PIXELS } from '../nets/face-api/face-embedding.ts';
import { decodeObjects } from '../objects/decode-objects.ts';
import { nanoDetInput } from '../objects/nano-det-input.ts';
import { MODEL_REPOSITORY } from '../paths.ts';
import { overlap } from '../runtime/overlap.ts';
import { Picture } from '../runtime/picture.ts';
import { GAINS, lit, mirrored } from '../runtime/pixels.ts';
import { type Input, type Numbers, Session } from '../runtime/session.ts';

type Answers = Readonly<Record<string, Numbers>>;

/** What an original and its 8-bit form answer to the same input. */
type Pair = readonly [original: Answers, quantized: Answers];

const RUNS = 100;

const samples = await readSamples();
const faces = samples.flatMap((sample) => sample.faces);
const photos = [
  ...samples.map(({ picture }) => picture),
  examplePicture('coffee.jpg'),
  ...process.argv.slice(2).map((file) => new Picture(file)),
];

await compare('face_embedding/2', 'face_embedding/1', await faceInputs(EMBEDDING_PIXELS), (pairs) => ({
  'largest distance': Math.max(...pairs.map(([a, b]) => distance(a.embedding, b.embedding))).toFixed(3),
}));
await compare('face_emotion/3', 'face_emotion/2', await faceInputs(FACE_PIXELS), (pairs) => ({
  'same class': pairs.filter(([a, b]) => indexOfLargest(a.probabilities) === indexOfLargest(b.probabilities))
    .length,
}));
await compare('object_detection/2', 'object_detection/1', await Promise.all(photos.map(nanoDetInput)), found);

async function compare(
  original: string,
  quantized: string,
  inputs: readonly Input[],
  tell: (pairs: readonly Pair[]) => object,
): Promise<void> {
  const files = [`${original}/model.onnx`, `${quantized}/model.onnx`] as const;
  const sessions = [await Session.open(files[0]), await Session.open(files[1])] as const;
  const pairs: Pair[] = [];
  for (const image of inputs) {
    pairs.push([await sessions[0].run({ image }), await sessions[1].run({ image })]);
  }
  const cosines = Object.keys(pairs[0][0]).map((output) => [
    `cosine of ${output}`,
    cosineOf(pairs.map(([a, b]) => [a[output], b[output]])).toFixed(5),
  ]);
  console.log(quantized, {
    pictures: inputs.length,
    bytes: files.map((file) => statSync(path.join(MODEL_REPOSITORY, file)).size),
    ...Object.fromEntries(cosines),
    ...tell(pairs),
    milliseconds: await fastest(sessions, inputs[0]),
  });
}

/** Of one run with one thread; in turns, so that what else the machine does hits both. */
async function fastest(sessions: readonly Session[], image: Input): Promise<string[]> {
  const times = sessions.map(() => Number.POSITIVE_INFINITY);
  for (let run = 0; run < RUNS; run++) {
    for (const [index, session] of sessions.entries()) {
      const start = performance.now();
      await session.run({ image });
      times[index] = Math.min(times[index], performance.now() - start);
    }
  }
  return times.map((time) => time.toFixed(2));
}

/** Each face as it is and mirrored, in all lights. */
async function faceInputs(pixels: number): Promise<Input[]> {
  const inputs = await Promise.all(faces.map((face) => bytesInput(face, pixels)));
  return inputs.flatMap(({ shape, data }) => {
    const bytes = Uint8Array.from(data);
    return [bytes, mirrored(bytes, pixels)].flatMap((rgb) =>
      GAINS.map((gain) => ({ shape, data: lit(rgb, gain) })),
    );
  });
}

function distance(a: Numbers, b: Numbers): number {
  return Math.hypot(...Array.from(a, (value, index) => value - b[index]));
}

/** What is found in the photos by both, and by one of them alone. */
function found(pairs: readonly Pair[]): object {
  const counts = { both: 0, 'original only': 0, 'quantized only': 0 };
  for (const pair of pairs) {
    const [original, quantized] = pair.map(({ scores, boxes }) => decodeObjects(scores, boxes));
    const same = original.filter((a) =>
      quantized.some((b) => a.classIndex === b.classIndex && overlap(a, b) > 0.5),
    );
    counts.both += same.length;
    counts['original only'] += original.length - same.length;
    counts['quantized only'] += Math.max(0, quantized.length - same.length);
  }
  return counts;
}
