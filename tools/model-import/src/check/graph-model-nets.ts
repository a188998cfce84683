import { blazeFaceInput } from '../faces/find-faces.ts';
import { nanoDetInput } from '../objects/nano-det-input.ts';
import { loadGraphModel, runGraphModel } from '../reference/graph-model.ts';
import type { Picture } from '../runtime/picture.ts';
import { type Input, Session } from '../runtime/session.ts';
import { BLAZE_FACE_BACK, NANO_DET, type NetSource } from '../sources.ts';
import { checkBatching } from './batching.ts';
import { difference, type Finding, SAME_NET_TOLERANCE, worst } from './finding.ts';
import type { Sample } from './samples.ts';

interface GraphModelCase {
  readonly path: string;
  readonly source: NetSource;
  readonly toInput: (picture: Picture) => Promise<Input>;
  /** The heads of the original net that each output is made of. */
  readonly outputs: Readonly<Record<string, readonly string[]>>;
}

const CASES: readonly GraphModelCase[] = [
  {
    path: 'face_detection/1/model.onnx',
    source: BLAZE_FACE_BACK,
    toInput: blazeFaceInput,
    outputs: { scores: ['Identity', 'Identity_1'], boxes: ['Identity_2', 'Identity_3'] },
  },
  {
    path: 'object_detection/2/model.onnx',
    source: NANO_DET,
    toInput: nanoDetInput,
    outputs: {
      scores: ['Identity', 'Identity_1', 'Identity_2'],
      boxes: ['Identity_3', 'Identity_4', 'Identity_5'],
    },
  },
];

/** Holds the converted graphs against TensorFlow.js on the original ones. */
export async function checkGraphModelNets(samples: readonly Sample[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { path, source, toInput, outputs } of CASES) {
    const session = await Session.open(path);
    const reference = await loadGraphModel(source);
    const inputs = await Promise.all(samples.map(({ picture }) => toInput(picture)));
    const differences: number[] = [];
    for (const input of inputs) {
      const answers = await session.run({ image: input });
      for (const [output, heads] of Object.entries(outputs)) {
        const expected = runGraphModel(reference, input, heads).flatMap((head) => Array.from(head));
        differences.push(difference(expected, answers[output]));
      }
    }
    findings.push({
      model: path,
      check: `TensorFlow.js on ${inputs.length} pictures`,
      difference: worst(differences),
      tolerance: SAME_NET_TOLERANCE,
    });
    findings.push(await checkBatching(path, session, inputs));
  }
  return findings;
}
