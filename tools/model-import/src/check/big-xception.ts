import { FACE_PIXELS } from '../nets/face-api/dense-extractor.ts';
import { loadGraphModel, runGraphModel } from '../reference/graph-model.ts';
import { tf } from '../reference/tensorflow.ts';
import { type Input, Session } from '../runtime/session.ts';
import { BIG_XCEPTION } from '../sources.ts';
import { checkBatching } from './batching.ts';
import { bytesInput } from './face-api-nets.ts';
import { difference, type Finding, SAME_NET_TOLERANCE, worst } from './finding.ts';
import type { Sample } from './samples.ts';

const MODEL = 'face_emotion/1/model.onnx';
const NET_PIXELS = 64;

/** The names of the original's answers, and the order in which the wrapped net gives them. */
const ORIGINAL_LABELS = ['angry', 'disgusted', 'fearful', 'happy', 'sad', 'surprised', 'neutral'];
const LABELS = ['neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised'];

/** Holds the wrapped net against TensorFlow.js, which also does the preparation that the wrapping put into the graph. */
export async function checkBigXception(samples: readonly Sample[]): Promise<Finding[]> {
  const session = await Session.open(MODEL);
  const reference = await loadGraphModel(BIG_XCEPTION);
  const inputs = await Promise.all(
    samples.flatMap(({ faces }) => faces).map((face) => bytesInput(face, FACE_PIXELS)),
  );
  const differences: number[] = [];
  for (const input of inputs) {
    const [original] = runGraphModel(reference, grayInput(input), ['Identity']);
    const expected = LABELS.map((label) => original[ORIGINAL_LABELS.indexOf(label)]);
    const { probabilities } = await session.run({ image: input });
    differences.push(difference(expected, probabilities));
  }
  return [
    {
      model: MODEL,
      check: `TensorFlow.js on ${inputs.length} faces`,
      difference: worst(differences),
      tolerance: SAME_NET_TOLERANCE,
    },
    await checkBatching(MODEL, session, inputs),
  ];
}

function grayInput(image: Input): Input {
  const data = tf.tidy(() => {
    const colours = tf.tensor4d(image.data, [1, FACE_PIXELS, FACE_PIXELS, 3], 'float32');
    const gray = tf.sum(tf.mul(colours, tf.tensor1d([0.299, 0.587, 0.114])), 3, true) as typeof colours;
    const resized = tf.image.resizeBilinear(gray, [NET_PIXELS, NET_PIXELS], false, true);
    return Float32Array.from(resized.div(127.5).sub(1).dataSync());
  });
  return { shape: [1, NET_PIXELS, NET_PIXELS, 1], data };
}
