import { describe, expect, it } from 'vitest';
import type { Answer, Instance, RunInputs } from '#naiad/backend/backend.js';
import { repeatBackend } from '#naiad/backend/repeat/backend.js';
import { Canceller } from '#naiad/inference/request.js';
import { aTensor, instanceOptions, int32Tensor, int32Values } from '../../support/instances.js';

const OUTPUTS = [
  { name: 'OUT', datatype: 'INT32' },
  { name: 'IDX', datatype: 'UINT32' },
] as const;

const uint32 = (name: string, ...values: number[]) =>
  aTensor(name, 'UINT32', [values.length], new Uint8Array(Uint32Array.from(values).buffer));

function inputs(values: number[], delays = values.map(() => 0), wait = 0): RunInputs {
  return {
    inputs: [int32Tensor('IN', values), uint32('DELAY', ...delays), uint32('WAIT', wait)],
    outputs: ['OUT', 'IDX'],
  };
}

const load = (): Promise<Instance> =>
  repeatBackend.load(instanceOptions({ modelName: 'repeat', outputs: OUTPUTS }));

/** All answers; cancels after `cancelAfter` of them. */
async function answersOf(instance: Instance, request: RunInputs, cancelAfter = Number.POSITIVE_INFINITY) {
  const cancellation = new Canceller();
  const answers: Answer[] = [];
  const marks = await instance.stream?.(request, {
    cancellation,
    async answer(answer) {
      answers.push(answer);
      if (answers.length === cancelAfter) cancellation.cancel();
    },
  });
  return { marks, answers };
}

const told = (answers: readonly Answer[]) => answers.map(({ outputs }) => outputs.flatMap(int32Values));

describe('a repeat model', () => {
  it.each([[[]], [[7]], [[4, -2, 1]]])('answers %j one by one', async (values) => {
    const { answers } = await answersOf(await load(), inputs(values));
    expect(told(answers)).toEqual(values.map((value, index) => [value, index]));
    expect(answers.flatMap(({ outputs }) => outputs.map(({ name, shape }) => `${name} ${shape}`))).toEqual(
      values.flatMap(() => ['OUT 1', 'IDX 1']),
    );
  });

  it('tells when each was made', async () => {
    const { marks, answers } = await answersOf(await load(), inputs([1, 2], [3, 0], 2));
    const times = [
      marks?.start,
      marks?.inputEnd,
      ...answers.flatMap((answer) => [answer.marks.start, answer.marks.outputStart, answer.marks.end]),
      marks?.outputStart,
      marks?.end,
    ].map(Number);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('stops when nobody waits, also in the middle of a delay', async () => {
    const { answers } = await answersOf(await load(), inputs([1, 2, 3], [0, 1e9, 0]), 1);
    expect(told(answers)).toEqual([[1, 0]]);
  });

  it('runs without an audience', async () => {
    expect((await (await load()).run(inputs([1, 2]))).outputs).toEqual([]);
  });

  it('refuses delays that do not fit', async () => {
    await expect(answersOf(await load(), inputs([1, 2], [1]))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "model 'repeat' needs as many elements of DELAY as of IN, got 1 and 2",
    });
  });

  it('refuses to be configured otherwise', async () => {
    const outputs = [{ name: 'OUT', datatype: 'FP32' }] as const;
    await expect(repeatBackend.load(instanceOptions({ modelName: 'm', outputs }))).rejects.toThrow(
      "repeat model 'm' has the outputs OUT of INT32 and IDX of UINT32 only",
    );
    const [first] = inputs([1]).inputs;
    if (first === undefined) throw new Error('no input');
    await expect(answersOf(await load(), { inputs: [first], outputs: [] })).rejects.toThrow(
      "repeat model 'repeat' needs an input DELAY of UINT32",
    );
  });
});
