import { seededRandom } from '../../lib/random.js';
import { randomInputs } from '../../quantize/random-input.js';
import type { Shape } from '../../tensor/shape.js';
import { sameShape } from '../../tensor/shape.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import type { OrtSession } from './ort-session.js';

/** Sizes tried for dimensions that are left open: some models want more than one row, or a whole picture. */
export const FILLS = [2, 1, 8, 32, 64, 224];

const SEED = 1;

/** A model that can be asked. */
export type Answering = Pick<OrtSession, 'description' | 'run'>;

/**
 * What is not the same of a model and its compiled form, which are asked random input; '' where nothing is: then
 * they answer bit by bit the same. Never rejects.
 */
export async function differenceOf(
  plain: Answering,
  compiled: Answering,
  shapes: ReadonlyMap<string, Shape>,
): Promise<string> {
  if (JSON.stringify(plain.description) !== JSON.stringify(compiled.description))
    return 'its inputs and outputs are not the same when it is compiled';
  const random = seededRandom(SEED);
  for (const fill of FILLS) {
    const inputs = randomInputs(plain.description.inputs, { random, fill, shapes });
    if (inputs === null) continue;
    const expected = await attempt(plain, inputs);
    const answer = await attempt(compiled, inputs);
    if (expected === null && answer === null) continue;
    if (areEqual(expected, answer)) return '';
    return areEqual(expected, await attempt(plain, inputs))
      ? 'its answers are not the same when it is compiled'
      : 'its answers change from run to run, so that it can not be told whether a compiled form gives the same';
  }
  // What takes no random input takes it in neither form.
  return '';
}

async function attempt(session: Answering, inputs: readonly NamedTensor[]): Promise<NamedTensor[] | null> {
  try {
    return await session.run(inputs);
  } catch {
    return null;
  }
}

function areEqual(a: readonly NamedTensor[] | null, b: readonly NamedTensor[] | null): boolean {
  if (a === null || b === null) return a === b;
  return a.every((tensor, index) => {
    const other = b[index];
    return (
      other !== undefined &&
      tensor.datatype === other.datatype &&
      sameShape(tensor.shape, other.shape) &&
      Buffer.compare(tensor.data, other.data) === 0
    );
  });
}
