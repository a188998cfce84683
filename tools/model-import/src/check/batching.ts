import type { Input, Session } from '../runtime/session.ts';
import { difference, type Finding, SAME_NET_TOLERANCE, worst } from './finding.ts';

/** Whether a model answers to pictures in one batch as it does to each of them alone. */
export async function checkBatching(
  model: string,
  session: Session,
  inputs: readonly Input[],
): Promise<Finding> {
  const together = await session.run({ image: batchOf(inputs) });
  const differences: number[] = [];
  for (const [index, input] of inputs.entries()) {
    const alone = await session.run({ image: input });
    for (const [name, expected] of Object.entries(alone)) {
      const found = together[name].subarray(index * expected.length, (index + 1) * expected.length);
      differences.push(difference(expected, found));
    }
  }
  return {
    model,
    check: `a batch of ${inputs.length} = one by one`,
    difference: worst(differences),
    tolerance: SAME_NET_TOLERANCE,
  };
}

function batchOf(inputs: readonly Input[]): Input {
  const [first] = inputs;
  const shape = [inputs.length, ...first.shape.slice(1)];
  const elements = inputs.length * first.data.length;
  const data = first.data instanceof Float32Array ? new Float32Array(elements) : new Uint8Array(elements);
  inputs.forEach((input, index) => {
    data.set(input.data, index * first.data.length);
  });
  return { shape, data };
}
