import { describe, expect, it } from 'vitest';
import type { ServingError } from '#naiad/errors/serving-error.js';
import { scatter } from '#naiad/scheduler/scatter.js';
import { splitBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import { aJob, bytesTensor, int32Tensor, int32Values } from './builders.js';

const MODEL = { name: 'm', batching: true };
const strings = ({ data }: NamedTensor): string[] =>
  splitBytes(data).map((element) => Buffer.from(element).toString());

function failure(outputs: readonly NamedTensor[], jobs = [aJob({ rows: 2 }), aJob({ rows: 1 })]): string {
  try {
    scatter(MODEL, jobs, 3, outputs);
  } catch (error) {
    const { code, message } = error as ServingError;
    return `${code} ${message}`;
  }
  return 'no error';
}

describe('scatter', () => {
  it('gives each job its own rows of the outputs it wants, in its order, without copying', () => {
    const x = int32Tensor('X', [3, 2], [1, 2, 3, 4, 5, 6]);
    const y = int32Tensor('Y', [3], [7, 8, 9]);
    const jobs = [aJob({ rows: 2, outputs: ['Y', 'X'] }), aJob({ rows: 1, outputs: ['X'] })];
    const [first = [], second = []] = scatter(MODEL, jobs, 3, [x, y]);
    expect(first.map((tensor) => [tensor.name, tensor.shape, int32Values(tensor)])).toEqual([
      ['Y', [2], [7, 8]],
      ['X', [2, 2], [1, 2, 3, 4]],
    ]);
    expect(second.map((tensor) => [tensor.name, tensor.shape, int32Values(tensor)])).toEqual([
      ['X', [1, 2], [5, 6]],
    ]);
    expect(second[0]?.data.buffer).toBe(x.data.buffer);
  });

  it('splits BYTES by elements per row', () => {
    const output = bytesTensor('S', [3, 2], ['a', '', 'ccc', 'd', 'ee', 'f']);
    const jobs = [1, 2].map((rows) => aJob({ rows, outputs: ['S'] }));
    const parts = scatter(MODEL, jobs, 3, [output]).flat();
    expect(parts.map((part) => [part.shape, strings(part)])).toEqual([
      [
        [1, 2],
        ['a', ''],
      ],
      [
        [2, 2],
        ['ccc', 'd', 'ee', 'f'],
      ],
    ]);
  });

  it.each([
    ['INT32', int32Tensor('S', [3, 0], [])],
    ['BYTES', bytesTensor('S', [3, 0], [])],
  ])('splits a %s output whose rows are empty', (_, output) => {
    const jobs = [1, 2].map((rows) => aJob({ rows, outputs: ['S'] }));
    const parts = scatter(MODEL, jobs, 3, [output]).flat();
    expect(parts.map(({ shape, data }) => [shape, data.length])).toEqual([
      [[1, 0], 0],
      [[2, 0], 0],
    ]);
  });

  it('hands a lone job what it wants as it is', () => {
    const outputs = [int32Tensor('X', [2], [1, 2]), int32Tensor('Y', [2], [3, 4])];
    expect(scatter(MODEL, [aJob({ rows: 2, outputs: ['Y'] })], 2, outputs)).toEqual([[outputs[1]]]);
  });

  it('does not look for rows in a model without batch dimension', () => {
    const output = int32Tensor('X', [], [1]);
    const model = { name: 'm', batching: false };
    expect(scatter(model, [aJob({ outputs: ['X'] })], 1, [output])).toEqual([[output]]);
  });

  it.each([
    ['too few rows', int32Tensor('IN', [2, 1], [1, 2])],
    ['a scalar', int32Tensor('IN', [], [1])],
  ])('%s', (_, output) => {
    expect(failure([output])).toMatch(
      /^INTERNAL output 'IN' of model 'm' has shape \[.*\], expected 3 as its first dimension/,
    );
    expect(failure([output], [aJob({ rows: 3 })])).toContain('expected 3 as its first dimension');
  });

  it.each([
    ['fewer bytes than the shape says', { ...int32Tensor('IN', [3, 1], [1, 2]) }],
    ['fewer strings than the shape says', bytesTensor('IN', [3, 1], ['a', 'b'])],
    ['more strings than the shape says', bytesTensor('IN', [3, 1], ['a', 'b', 'c', 'd'])],
    ['a string that is cut off', { ...bytesTensor('IN', [3, 1], []), data: new Uint8Array([9, 0, 0, 0, 1]) }],
  ])('%s', (_, output) => {
    expect(failure([output])).toMatch(
      /^INTERNAL output 'IN' of model 'm' has \d+ bytes, which do not hold the elements of shape \[3,1\]/,
    );
  });

  it('an output that is missing', () => {
    const text = "INTERNAL model 'm' did not return output 'IN'";
    expect(failure([int32Tensor('X', [3], [1, 2, 3])])).toBe(text);
    expect(failure([int32Tensor('X', [3], [1, 2, 3])], [aJob({ rows: 3 })])).toBe(text);
  });
});
