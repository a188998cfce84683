import { FACE_PIXELS } from '../nets/face-api/dense-extractor.ts';
import { EMBEDDING_PIXELS } from '../nets/face-api/face-embedding.ts';
import { nanoDetInput } from '../objects/nano-det-input.ts';
import { type Input, type Numbers, Session } from '../runtime/session.ts';
import { checkBatching } from './batching.ts';
import { bytesInput } from './face-api-nets.ts';
import type { Finding } from './finding.ts';
import { cosineOf, indexOfLargest } from './likeness.ts';
import { examplePicture, type Sample } from './samples.ts';

interface QuantizedCase {
  readonly path: string;
  readonly original: string;
  readonly toInputs: (samples: readonly Sample[]) => Promise<Input[]>;
  /** How far the cosine of an output may be from 1, over all pictures together. */
  readonly tolerances: Readonly<Record<string, number>>;
  /** The output that names a class: the original's, for every picture. */
  readonly classes?: string;
}

const CASES: readonly QuantizedCase[] = [
  {
    path: 'face_embedding/1/model.onnx',
    original: 'face_embedding/2/model.onnx',
    toInputs: faces(EMBEDDING_PIXELS),
    tolerances: { embedding: 0.001 },
  },
  {
    path: 'face_emotion/2/model.onnx',
    original: 'face_emotion/3/model.onnx',
    toInputs: faces(FACE_PIXELS),
    tolerances: { probabilities: 0.005 },
    classes: 'probabilities',
  },
  {
    path: 'object_detection/1/model.onnx',
    original: 'object_detection/2/model.onnx',
    toInputs: (samples) =>
      Promise.all([examplePicture('coffee.jpg'), ...samples.map(({ picture }) => picture)].map(nanoDetInput)),
    tolerances: { scores: 0.01, boxes: 0.01 },
  },
];

/** Holds 8-bit nets against their originals, on pictures that they were not calibrated with. */
export async function checkQuantizedNets(samples: readonly Sample[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, original, toInputs, tolerances, classes } of CASES) {
    const [session, reference] = [await Session.open(path), await Session.open(original)];
    const inputs = await toInputs(samples);
    const answers: [Answers, Answers][] = [];
    for (const image of inputs) answers.push([await reference.run({ image }), await session.run({ image })]);
    for (const [output, tolerance] of Object.entries(tolerances)) {
      findings.push({
        model: path,
        check: `1 - cosine of ${output} with the original's on ${inputs.length} pictures`,
        difference: 1 - cosineOf(answers.map(([expected, found]) => [expected[output], found[output]])),
        tolerance,
      });
    }
    if (classes !== undefined) {
      findings.push({
        model: path,
        check: `faces of ${inputs.length} that the original names otherwise`,
        difference: answers.filter(([a, b]) => indexOfLargest(a[classes]) !== indexOfLargest(b[classes]))
          .length,
        tolerance: 0,
      });
    }
    findings.push(await checkBatching(path, session, inputs));
  }
  return findings;
}

type Answers = Readonly<Record<string, Numbers>>;

function faces(pixels: number): QuantizedCase['toInputs'] {
  return (samples) =>
    Promise.all(samples.flatMap(({ faces }) => faces).map((face) => bytesInput(face, pixels)));
}
