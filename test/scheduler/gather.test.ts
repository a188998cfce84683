import { describe, expect, it } from 'vitest';
import { gather } from '#naiad/scheduler/gather.js';
import { splitBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import { aJob, bytesTensor, int32Tensor, int32Values } from './builders.js';

function ownsItsBuffer({ data }: NamedTensor): boolean {
  return data.byteOffset === 0 && data.byteLength === data.buffer.byteLength;
}

function onMessage(tensor: NamedTensor): NamedTensor {
  const message = Buffer.concat([Buffer.alloc(3), tensor.data, Buffer.alloc(5)]);
  return { ...tensor, data: message.subarray(3, 3 + tensor.data.length) };
}

describe('gather', () => {
  it('copies the tensors of a lone job off the message they came in', () => {
    const tensor = onMessage(int32Tensor('IN', [2, 2], [1, 2, 3, 4]));
    const { inputs, outputs } = gather([aJob({ rows: 2, inputs: [tensor], outputs: ['OUT'] })], 2);
    expect(outputs).toEqual(['OUT']);
    expect(inputs.map(int32Values)).toEqual([[1, 2, 3, 4]]);
    expect(inputs.every(ownsItsBuffer)).toBe(true);
    tensor.data.fill(0);
    expect(inputs.map(int32Values)).toEqual([[1, 2, 3, 4]]);
  });

  it('hands over what a lone job owns, and copies it where several run together', () => {
    const tensor: NamedTensor = { ...int32Tensor('IN', [1, 2], [1, 2]), owned: true };
    const alone = gather([aJob({ inputs: [tensor] })], 1).inputs;
    expect(alone[0]?.data).toBe(tensor.data);
    expect(alone[0]).not.toHaveProperty('owned');
    const together = gather([aJob({ inputs: [tensor] }), aJob({ inputs: [tensor] })], 2).inputs;
    expect(together.map(int32Values)).toEqual([[1, 2, 1, 2]]);
    expect(together[0]?.data.buffer).not.toBe(tensor.data.buffer);
  });

  it('puts the rows of several jobs one behind the other, input by input, whatever their order', () => {
    const first = aJob({
      rows: 2,
      inputs: [int32Tensor('A', [2, 2], [1, 2, 3, 4]), bytesTensor('B', [2, 1], ['x', ''])],
    });
    const second = aJob({
      rows: 1,
      inputs: [bytesTensor('B', [1, 1], ['zz']), int32Tensor('A', [1, 2], [5, 6])].map(onMessage),
    });
    const { inputs } = gather([first, second], 3);
    const [a, b] = inputs;
    expect(inputs.map(({ name, shape, datatype }) => ({ name, shape, datatype }))).toEqual([
      { name: 'A', shape: [3, 2], datatype: 'INT32' },
      { name: 'B', shape: [3, 1], datatype: 'BYTES' },
    ]);
    expect(a && int32Values(a)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(b && splitBytes(b.data).map((element) => Buffer.from(element).toString())).toEqual([
      'x',
      '',
      'zz',
    ]);
    expect(inputs.every(ownsItsBuffer)).toBe(true);
  });

  it('asks for every output that one of the jobs wants, once', () => {
    const jobs = [['X'], ['Y', 'X'], ['Z']].map((outputs) => aJob({ outputs }));
    expect(gather(jobs, 3).outputs).toEqual(['X', 'Y', 'Z']);
  });
});
