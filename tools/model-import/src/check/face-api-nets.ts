import { FACE_PIXELS } from '../nets/face-api/dense-extractor.ts';
import { EMBEDDING_PIXELS } from '../nets/face-api/face-embedding.ts';
import { type FaceApiNetName, loadFaceApiNet } from '../reference/face-api.ts';
import type { Picture } from '../runtime/picture.ts';
import { type Input, Session } from '../runtime/session.ts';
import { checkBatching } from './batching.ts';
import { difference, type Finding, SAME_NET_TOLERANCE, worst } from './finding.ts';
import type { Sample } from './samples.ts';

interface FaceApiCase {
  readonly path: string;
  readonly net: FaceApiNetName;
  readonly output: string;
  readonly pixels: number;
}

const CASES: readonly FaceApiCase[] = [
  {
    path: 'face_emotion/3/model.onnx',
    net: 'faceExpressionNet',
    output: 'probabilities',
    pixels: FACE_PIXELS,
  },
  { path: 'face_landmarks/1/model.onnx', net: 'faceLandmark68Net', output: 'landmarks', pixels: FACE_PIXELS },
  {
    path: 'face_embedding/2/model.onnx',
    net: 'faceRecognitionNet',
    output: 'embedding',
    pixels: EMBEDDING_PIXELS,
  },
];

/** Holds the nets of face-api against face-api itself, on every face of the samples. */
export async function checkFaceApiNets(samples: readonly Sample[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, net, output, pixels } of CASES) {
    const session = await Session.open(path);
    const reference = await loadFaceApiNet(net);
    const inputs = await Promise.all(
      samples.flatMap(({ faces }) => faces).map((face) => bytesInput(face, pixels)),
    );
    const differences: number[] = [];
    for (const input of inputs) {
      const answers = await session.run({ image: input });
      differences.push(difference(await reference(input), answers[output]));
    }
    findings.push({
      model: path,
      check: `face-api on ${inputs.length} faces`,
      difference: worst(differences),
      tolerance: SAME_NET_TOLERANCE,
    });
    findings.push(await checkBatching(path, session, inputs));
  }
  return findings;
}

/** The bytes that the face nets take: red, green, blue, row by row. */
export async function bytesInput(face: Picture, pixels: number): Promise<Input> {
  return { shape: [1, pixels, pixels, 3], data: await face.rgb(pixels, 'contain') };
}
