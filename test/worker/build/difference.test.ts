import { describe, expect, it } from 'vitest';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import { type Answering, differenceOf } from '#naiad/worker/build/difference.js';
import { aTensor } from '../../support/instances.js';

/** A model of X FP32[n] to Y UINT8[1] that answers with the number that `answer` makes of what it is asked. */
function aModel(answer: (input: NamedTensor) => number, output = 'Y'): Answering {
  return {
    description: {
      inputs: [{ name: 'X', datatype: 'FP32', nativeType: 'tensor(float)', shape: [-1] }],
      outputs: [{ name: output, datatype: 'UINT8', nativeType: 'tensor(uint8)', shape: [1] }],
    },
    run: async ([input]) => {
      if (input === undefined) throw new Error('there is no input');
      return [aTensor(output, 'UINT8', [1], Uint8Array.of(answer(input)))];
    },
  };
}

const refuse = (): never => {
  throw new Error('it does not fit');
};
const onlyRows =
  (rows: number, answer = 1) =>
  ({ shape }: NamedTensor): number =>
    shape[0] === rows ? answer : refuse();
const one = (): number => 1;

describe('a model and its compiled form', () => {
  it.each<[string, string, () => readonly [Answering, Answering]]>([
    ['nothing', '', () => [aModel(one), aModel(one)]],
    ['nothing, once the input has the right size', '', () => [aModel(onlyRows(8)), aModel(onlyRows(8))]],
    ['nothing where neither takes any input', '', () => [aModel(refuse), aModel(refuse)]],
    ['what they declare', 'its inputs and outputs are not', () => [aModel(one), aModel(one, 'Z')]],
    ['an answer', 'its answers are not the same', () => [aModel(one), aModel(() => 2)]],
    [
      'the first answer that both give',
      'its answers are not the same',
      () => [aModel(onlyRows(8)), aModel(onlyRows(8, 2))],
    ],
    ['an answer that only one gives', 'its answers are not', () => [aModel(one), aModel(refuse)]],
    ['an answer that only the other gives', 'its answers are not', () => [aModel(refuse), aModel(one)]],
    [
      'an answer that is another each time',
      'its answers change from run to run',
      () => {
        let count = 0;
        const changing = aModel(() => ++count);
        return [changing, changing];
      },
    ],
  ])('differ in %s', async (_what, difference, models) => {
    const [plain, compiled] = models();
    const found = await differenceOf(plain, compiled, new Map());
    expect(found.startsWith(difference)).toBe(true);
    expect(found === '').toBe(difference === '');
  });

  it('are asked in the shapes of the configuration', async () => {
    const shapes = new Map([['X', [5]]]);
    expect(await differenceOf(aModel(onlyRows(5)), aModel(onlyRows(5, 2)), shapes)).not.toBe('');
  });
});
