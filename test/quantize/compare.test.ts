import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputComparison } from '#naiad/quantize/compare.js';
import { violations } from '#naiad/quantize/guard.js';
import type { OutputError } from '#naiad/quantize/report.js';
import type { Datatype } from '#naiad/tensor/datatype.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';

function tensor(datatype: Datatype, shape: readonly number[], data: ArrayBufferView): NamedTensor {
  return {
    name: 'Y',
    datatype,
    shape,
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

const floats = (rows: number, values: readonly number[]): NamedTensor =>
  tensor('FP32', [rows, values.length / rows], Float32Array.from(values));

function errorOf(
  pairs: readonly (readonly [NamedTensor, NamedTensor])[],
  { labelled = false } = {},
): OutputError {
  const comparison = new OutputComparison('Y', labelled);
  for (const [original, other] of pairs) comparison.add(original, other);
  return comparison.error;
}

describe('a comparison', () => {
  it('finds nothing between a thing and itself', () => {
    const finite = fc.integer({ min: -1e6, max: 1e6 }).map((number) => number / 1000);
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 20 }), (values) => {
        const error = errorOf([[floats(1, values), floats(1, values)]]);
        expect(error.cosine).toBeCloseTo(1, 9);
        expect(error).toMatchObject({ relativeRmse: 0, maxAbs: 0, nonFinite: 0, otherShapes: 0 });
      }),
    );
  });

  it('measures all samples together, and the worst by itself', () => {
    const error = errorOf([
      [floats(1, [3, 4, 0]), floats(1, [3, 4, 0])],
      [floats(1, [1, 0, 0]), floats(1, [0, 1, 0])],
    ]);
    // Together: (3,4,0,1,0,0) and (3,4,0,0,1,0).
    expect(error.cosine).toBeCloseTo(25 / 26, 9);
    expect(error.cosineMin).toBe(0);
    expect(error.relativeRmse).toBeCloseTo(Math.sqrt(2 / 26), 9);
    expect(error.maxAbs).toBe(1);
  });

  it('counts rows that name the same class', () => {
    const pair = [floats(2, [1, 2, 3, 9, 8, 7]), floats(2, [1, 2, 3, 8, 9, 7])] as const;
    expect(errorOf([pair])).toMatchObject({ top1Agreement: 0.5, isClass: false });
    expect(errorOf([pair], { labelled: true })).toMatchObject({ top1Agreement: 0.5, isClass: true });
    const probabilities = floats(1, [0.25, 0.5, 0.25]);
    expect(errorOf([[probabilities, probabilities]])).toMatchObject({ top1Agreement: 1, isClass: true });
    const map = tensor('FP32', [1, 2, 2], Float32Array.of(0.25, 0.25, 0.25, 0.25));
    expect(errorOf([[map, map]])).toMatchObject({ top1Agreement: null, isClass: false });
  });

  it.each<[Datatype, ArrayBufferView, ArrayBufferView]>([
    ['INT64', BigInt64Array.of(1n, 2n), BigInt64Array.of(1n, 3n)],
    ['UINT64', BigUint64Array.of(1n, 2n), BigUint64Array.of(1n, 3n)],
    ['INT32', Int32Array.of(1, 2), Int32Array.of(1, 3)],
    ['UINT32', Uint32Array.of(1, 2), Uint32Array.of(1, 3)],
    ['INT16', Int16Array.of(1, 2), Int16Array.of(1, 3)],
    ['UINT16', Uint16Array.of(1, 2), Uint16Array.of(1, 3)],
    ['INT8', Int8Array.of(1, 2), Int8Array.of(1, 3)],
    ['UINT8', Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
    ['BOOL', Uint8Array.of(1, 0), Uint8Array.of(1, 1)],
  ])('asks of %s whether it is equal', (datatype, original, other) => {
    const error = errorOf([[tensor(datatype, [2], original), tensor(datatype, [2], other)]]);
    expect(error).toMatchObject({ top1Agreement: 0.5, maxAbs: 1, isFloat: false, isClass: true });
  });

  it.each<[Datatype, ArrayBufferView]>([
    ['FP64', Float64Array.of(1.5, -2)],
    // The bits of 1.5 and -2.
    ['FP16', Uint16Array.of(0x3e00, 0xc000)],
  ])('reads %s', (datatype, numbers) => {
    const zero = tensor(datatype, [2], new Uint8Array(numbers.byteLength));
    expect(errorOf([[tensor(datatype, [2], numbers), zero]])).toMatchObject({ maxAbs: 2, cosine: 0 });
  });

  it('asks of texts whether they are equal', () => {
    const text = (value: string): NamedTensor => tensor('BYTES', [1], Buffer.from(value));
    expect(errorOf([[text('a'), text('a')]])).toMatchObject({ top1Agreement: 1, cosine: 1 });
    expect(errorOf([[text('a'), text('b')]])).toMatchObject({ top1Agreement: 0 });
  });

  it('leaves out what is infinite in the original, and counts what is so in the other', () => {
    const error = errorOf([[floats(1, [1, Number.NaN, 3]), floats(1, [1, 5, Number.POSITIVE_INFINITY])]]);
    expect(error).toMatchObject({ nonFinite: 1, maxAbs: 0, compared: 2 });
  });

  it('counts samples of other shapes', () => {
    expect(errorOf([[floats(1, [1, 2]), floats(2, [1, 2])]])).toMatchObject({ otherShapes: 1, cosine: 1 });
  });
});

describe('violations', () => {
  const bounds = { minCosine: 0.99, minTop1Agreement: 0.9 };
  const good: OutputError = {
    name: 'Y',
    isFloat: true,
    compared: 8,
    cosine: 0.995,
    cosineMin: 0.5,
    relativeRmse: 0.1,
    maxAbs: 1,
    top1Agreement: 0.95,
    isClass: true,
    nonFinite: 0,
    otherShapes: 0,
  };

  it.each<[Partial<OutputError>, string]>([
    [{ cosine: 0.989999 }, "output 'Y' has a cosine of 0.98999 with the original's, less than 0.99"],
    [
      { top1Agreement: 0.899 },
      "output 'Y' names the same class as the original's for 0.899 of all rows, less than 0.9",
    ],
    [
      { isFloat: false, cosine: 0.5, top1Agreement: 0.5 },
      "output 'Y' is equal to the original's for 0.5 of all values, less than 0.9",
    ],
    [{ nonFinite: 1 }, "output 'Y' holds NaN or infinities where the original's holds numbers"],
    [
      { otherShapes: 1 },
      "output 'Y' has another shape than the original's for 1 sample, so that it can not be compared",
    ],
  ])('of %j', (change, expected) => {
    expect(violations([good, { ...good, ...change }], bounds)).toEqual([expected]);
  });

  it('are found where no output holds anything to judge by', () => {
    const nothing = floats(1, [Number.NaN, Number.POSITIVE_INFINITY]);
    const unknown = errorOf([[nothing, floats(1, [1, 2])]]);
    const empty = tensor('FP32', [0, 6], new Float32Array(0));
    for (const outputs of [[unknown], [errorOf([[empty, empty]]), unknown]]) {
      expect(violations(outputs, bounds)).toEqual([
        'the original answers no sample with a finite number, so that there is nothing to compare',
      ]);
    }
    expect(violations([unknown, good], bounds)).toEqual([]);
    const text = tensor('BYTES', [1], Buffer.from('a'));
    expect(violations([errorOf([[text, text]])], bounds)).toEqual([]);
  });

  it('are none within the bounds, nor of classes that are none', () => {
    expect(violations([good, { ...good, cosine: 0.99, top1Agreement: 0.9 }], bounds)).toEqual([]);
    expect(violations([{ ...good, isClass: false, top1Agreement: 0.1 }], bounds)).toEqual([]);
  });
});
