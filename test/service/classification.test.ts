import { describe, expect, it } from 'vitest';
import { classify, formatFloat } from '#naiad/service/classification.js';
import { splitBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';

function fp32(shape: number[], values: number[]): NamedTensor {
  return { name: 'PROB', datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
}

const strings = (tensor: NamedTensor): string[] =>
  splitBytes(tensor.data).map((element) => Buffer.from(element).toString());

describe('classify', () => {
  const labels = ['zero', 'one', 'two'];

  it('lists the highest values of each row with index and label', () => {
    const answer = classify(fp32([2, 4], [0, 3.5, 2, 9, 1, 0.25, 4, -1]), {
      count: 2,
      labels,
      batching: true,
    });
    expect(answer).toMatchObject({ name: 'PROB', datatype: 'BYTES', shape: [2, 2] });
    expect(strings(answer)).toEqual(['9.000000:3', '3.500000:1:one', '4.000000:2:two', '1.000000:0:zero']);
  });

  it('gives all classes when more are asked for', () => {
    const answer = classify(fp32([1, 2], [1, 2]), { count: 100, labels: [], batching: true });
    expect(answer.shape).toEqual([1, 2]);
    expect(strings(answer)).toEqual(['2.000000:1', '1.000000:0']);
  });

  it('treats a tensor without batch dimension as one row', () => {
    const answer = classify(fp32([2, 1, 2], [3, 1, 4, 2]), { count: 2, labels: [], batching: false });
    expect(answer.shape).toEqual([2]);
    expect(strings(answer)).toEqual(['4.000000:2', '3.000000:0']);
  });

  it('answers nothing for an empty row', () => {
    const answer = classify(fp32([1, 0], []), { count: 2, labels: [], batching: true });
    expect(answer.shape).toEqual([1, 0]);
    expect(answer.data).toHaveLength(0);
  });

  it('keeps 64-bit integers exact', () => {
    const data = new Uint8Array(BigInt64Array.of(3n, -250n, 1152921504606846977n).buffer);
    const answer = classify(
      { name: 'X', datatype: 'INT64', shape: [1, 3], data },
      { count: 2, labels: [], batching: true },
    );
    expect(strings(answer)).toEqual(['1152921504606846977:2', '3:0']);
  });

  it('puts NaN last and infinity first', () => {
    const answer = classify(fp32([1, 4], [1, Number.NaN, Number.POSITIVE_INFINITY, 0]), {
      count: 4,
      labels: [],
      batching: true,
    });
    expect(strings(answer)).toEqual(['inf:2', '1.000000:0', '0.000000:3', 'nan:1']);
  });

  it('reads data that is not aligned', () => {
    const aligned = fp32([1, 2], [1, 2]);
    const data = new Uint8Array(9);
    data.set(aligned.data, 1);
    const answer = classify({ ...aligned, data: data.subarray(1) }, { count: 1, labels: [], batching: true });
    expect(strings(answer)).toEqual(['2.000000:1']);
  });

  it.each(['BYTES', 'FP16', 'BOOL', 'BF16'] as const)('refuses %s', (datatype) => {
    expect(() =>
      classify(
        { name: 'X', datatype, shape: [1, 1], data: new Uint8Array(4) },
        { count: 1, labels: [], batching: true },
      ),
    ).toThrow(`class result not available for output 'X' due to unsupported type '${datatype}'`);
  });

  it('refuses more than a million elements', () => {
    expect(() =>
      classify(
        { name: 'X', datatype: 'UINT8', shape: [1, 1_000_001], data: new Uint8Array(1_000_001) },
        { count: 1, labels: [], batching: true },
      ),
    ).toThrow('classification output tensor too large');
  });
});

describe('formatFloat', () => {
  it.each([
    [0, '0.000000'],
    [-0, '-0.000000'],
    [0.1, '0.100000'],
    [1e10, '10000000000.000000'],
    [1e21, '1000000000000000000000.000000'],
    [-(2 ** 75), '-37778931862957161709568.000000'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ])('writes %d as %s', (value, text) => {
    expect(formatFloat(value)).toBe(text);
  });
});
