import { readFileSync } from 'node:fs';
import path from 'node:path';
import { FACE_PIXELS } from '../nets/face-api/dense-extractor.ts';
import { decodeObjects } from '../objects/decode-objects.ts';
import { nanoDetInput } from '../objects/nano-det-input.ts';
import { MODEL_REPOSITORY } from '../paths.ts';
import { Session } from '../runtime/session.ts';
import { bytesInput } from './face-api-nets.ts';
import { difference, type Finding, worst } from './finding.ts';
import { examplePicture, type Sample } from './samples.ts';

/** What anybody sees in the example pictures. */
const FACES_IN: Readonly<Record<string, number>> = { 'astronaut.jpg': 1, 'group-1.jpg': 3, 'group-2.jpg': 4 };

/** Answers that need no other runtime to be judged. */
export async function checkKnownAnswers(samples: readonly Sample[]): Promise<Finding[]> {
  return [
    ...samples.map(({ name, faces }) =>
      countFinding('face_detection/1/model.onnx', `faces in ${name}`, faces.length, FACES_IN[name]),
    ),
    await emotion('face_emotion/1/model.onnx', 'happy'),
    await emotion('face_emotion/2/model.onnx', 'happy'),
    await emotion('face_emotion/3/model.onnx', 'happy'),
    await objects('object_detection/1/model.onnx', 'coffee.jpg', 'cup', 1),
    await objects('object_detection/1/model.onnx', 'astronaut.jpg', 'person', 1),
    await objects('object_detection/2/model.onnx', 'coffee.jpg', 'cup', 1),
    await objects('object_detection/2/model.onnx', 'astronaut.jpg', 'person', 1),
    await sumAndDifference(),
  ];
}

async function emotion(model: string, label: string): Promise<Finding> {
  const session = await Session.open(model);
  const { probabilities } = await session.run({
    image: await bytesInput(examplePicture('face.jpg'), FACE_PIXELS),
  });
  const probability = probabilities[labelIndex('face_emotion/labels.txt', label)];
  return { model, check: `face.jpg is ${label}`, difference: 1 - probability, tolerance: 0.01 };
}

async function objects(model: string, name: string, label: string, expected: number): Promise<Finding> {
  const session = await Session.open(model);
  const { scores, boxes } = await session.run({ image: await nanoDetInput(examplePicture(name)) });
  const classIndex = labelIndex('object_detection/labels.txt', label);
  const found = decodeObjects(scores, boxes).filter((object) => object.classIndex === classIndex);
  return countFinding(model, `'${label}' in ${name}`, found.length, expected);
}

async function sumAndDifference(): Promise<Finding> {
  const model = 'simple/1/model.onnx';
  const session = await Session.open(model);
  const first = Int32Array.from({ length: 32 }, (_, index) => index);
  const second = first.map((value) => 3 * value - 7);
  const shape = [2, 16];
  const { OUTPUT0, OUTPUT1 } = await session.run({
    INPUT0: { shape, data: first },
    INPUT1: { shape, data: second },
  });
  const sums = first.map((value, index) => value + second[index]);
  const differences = first.map((value, index) => value - second[index]);
  const found = worst([difference(sums, OUTPUT0), difference(differences, OUTPUT1)]);
  return { model, check: 'sum and difference', difference: found, tolerance: 0 };
}

function countFinding(model: string, check: string, found: number, expected: number): Finding {
  return { model, check: `${check}: ${expected}`, difference: Math.abs(found - expected), tolerance: 0 };
}

function labelIndex(file: string, label: string): number {
  const labels = readFileSync(path.join(MODEL_REPOSITORY, file), 'utf8').split('\n');
  const index = labels.indexOf(label);
  if (index < 0) throw new Error(`${file} has no label '${label}'`);
  return index;
}
