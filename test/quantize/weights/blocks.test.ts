import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { toHalves } from '#naiad/quantize/half/float16.js';
import { FP4, NF4 } from '#naiad/quantize/weights/code-books.js';
import { columnsOf, type WeightColumns } from '#naiad/quantize/weights/columns.js';
import { quantizeFloatBlocks } from '#naiad/quantize/weights/float-blocks.js';
import { quantizeIntegerBlocks } from '#naiad/quantize/weights/integer-blocks.js';
import { fromHalf } from '#naiad/tensor/half.js';
import { NetBuilder } from '../../support/net-builder.js';
import { readFloatBlocks, readIntegerBlocks } from './dequantize.js';

/** Matrices of weights of very different magnitudes, zeros among them. */
const matrices = fc
  .record({
    depth: fc.integer({ min: 1, max: 70 }),
    count: fc.integer({ min: 1, max: 40 }),
    magnitude: fc.constantFrom(1e-42, 1e-20, 0.02, 1, 1e30),
    seed: fc.integer(),
    zeros: fc.constantFrom(0, 0.5, 1),
    offset: fc.constantFrom(0, 3, -3),
  })
  .map(({ depth, count, magnitude, seed, zeros, offset }) => {
    const weights = new NetBuilder(seed).normal(depth * count).map((weight, index) => {
      return index % 10 < 10 * zeros ? 0 : (weight + offset) * magnitude;
    });
    return { depth, count, weights };
  });

const blockSizes = fc.constantFrom(16, 32, 128);

/** Weights that lie in a tensor one column after the other. */
function inColumns(weights: Float32Array, depth: number, count: number): WeightColumns {
  const tensor = tensorOf('w', DataType.float, [count, depth], weights);
  return columnsOf(tensor, { depth, count, contiguous: true, factor: 1 });
}

const relativeError = (weights: Float32Array, others: Float32Array): number => {
  const sum = (each: (weight: number, index: number) => number): number =>
    weights.reduce((total, weight, index) => total + each(weight, index), 0);
  const squares = sum((weight) => weight ** 2);
  return squares === 0
    ? 0
    : Math.sqrt(sum((weight, index) => (weight - (others[index] ?? 0)) ** 2) / squares);
};

describe('integers in blocks', () => {
  const cases = ([4, 8] as const).flatMap((bits) =>
    [true, false].flatMap((symmetric) => [true, false].map((half) => ({ bits, symmetric, half }))),
  );

  it.each(cases)(
    'of $bits bits, symmetric $symmetric, half $half, lie within half a scale of the weights',
    (options) => {
      const { bits, half } = options;
      // Half precision holds none of the others.
      const weightsOf = half
        ? matrices.filter(({ weights }) => weights.every((each) => Math.abs(each) < 65504))
        : matrices;
      fc.assert(
        fc.property(weightsOf, blockSizes, ({ depth, count, weights: floats }, blockSize) => {
          const weights = half ? floats.map((each) => each * 1e-4) : floats;
          const blocks = quantizeIntegerBlocks(inColumns(weights, depth, count), { ...options, blockSize });
          if (half) expect(Float32Array.from(toHalves(blocks.scales), fromHalf)).toEqual(blocks.scales);
          const read = readIntegerBlocks(blocks, { depth, count, bits, blockSize });
          const perColumn = Math.ceil(depth / blockSize);
          const beyond = weights.findIndex((weight, index) => {
            const block = Math.floor(index / depth) * perColumn + Math.floor((index % depth) / blockSize);
            const scale = Math.abs(blocks.scales[block] ?? 0);
            return Math.abs(weight - (read[index] ?? 0)) > (scale / 2) * (1 + 1e-4);
          });
          expect(beyond).toBe(-1);
          expect(blocks.error).toBeCloseTo(relativeError(weights, read), 5);
        }),
        { numRuns: 25 },
      );
    },
  );

  it('use all numbers that there are', () => {
    // Sixteen numbers are enough for these.
    const weights = Float32Array.from({ length: 32 }, (_, index) => 2.5 * ((index % 16) - 8));
    const { scales } = quantizeIntegerBlocks(inColumns(weights, 32, 1), {
      bits: 4,
      blockSize: 32,
      symmetric: true,
    });
    expect(scales).toEqual(Float32Array.of(2.5));
    const { zeroPoints } = quantizeIntegerBlocks(inColumns(weights, 32, 1), {
      bits: 4,
      blockSize: 32,
      symmetric: false,
    });
    expect(zeroPoints).toEqual(Uint8Array.of(8));
  });

  it('4 bits take the scale with the least error', () => {
    const weights = new NetBuilder(12).normal(3200);
    const errorOf = (symmetric: boolean): number =>
      quantizeIntegerBlocks(inColumns(weights, 3200, 1), { bits: 4, blockSize: 32, symmetric }).error;
    expect(errorOf(true)).toBeLessThan(0.084);
    expect(errorOf(false)).toBeLessThan(0.08);
  });

  it('fill the last block of a column with zeros', () => {
    const weights = Float32Array.from([1, -2, 3]);
    const { packed } = quantizeIntegerBlocks(inColumns(weights, 3, 1), {
      bits: 4,
      blockSize: 16,
      symmetric: true,
    });
    expect(packed).toHaveLength(8);
    expect([...packed.subarray(2)]).toEqual(Array(6).fill(0x88));
  });
});

describe('code books', () => {
  it.each([
    { name: 'NF4', book: NF4, widestGap: 1 - 0.6961928009986877 },
    { name: 'FP4', book: FP4, widestGap: 1 / 3 },
  ])('$name: weights lie within half the widest gap of what they become', ({ book, widestGap }) => {
    fc.assert(
      fc.property(matrices, blockSizes, ({ depth, count, weights }, blockSize) => {
        const blocks = quantizeFloatBlocks(inColumns(weights, depth, count), book, blockSize);
        const read = readFloatBlocks(blocks, book, weights.length, blockSize);
        const beyond = weights.findIndex((weight, index) => {
          const start = index - (index % blockSize);
          const peak = Math.max(...weights.subarray(start, start + blockSize).map(Math.abs));
          // The least float of all is 1.4e-45: results that small are not exact.
          return Math.abs(weight - (read[index] ?? 0)) > (widestGap / 2) * peak * (1 + 1e-6) + 1.5e-45;
        });
        expect(beyond).toBe(-1);
        expect(blocks.error).toBeCloseTo(relativeError(weights, read), 2);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    { name: 'NF4', book: NF4 },
    { name: 'FP4', book: FP4 },
  ])('$name: every weight becomes the nearest value', ({ book }) => {
    const weights = Float32Array.from({ length: 2001 }, (_, index) => (index - 1000) / 1000);
    const blocks = quantizeFloatBlocks(inColumns(weights, 2001, 1), book, 4096);
    const read = readFloatBlocks(blocks, book, weights.length, 4096);
    const [peak = 0] = blocks.peaks;
    const further = weights.filter((weight, index) => {
      const nearest = Math.min(...book.map((value) => Math.abs(value * peak - weight)));
      return Math.abs((read[index] ?? 0) - weight) > nearest + 1e-6;
    });
    expect(further).toEqual(new Float32Array());
  });

  it('a peak below the greatest magnitude is taken where all together win by it', () => {
    const weights = new NetBuilder(12).normal(64 * 100);
    const { error, peaks } = quantizeFloatBlocks(inColumns(weights, 6400, 1), NF4, 64);
    expect(error).toBeLessThan(0.0885);
    expect(
      peaks.some((peak, block) => peak < Math.max(...weights.subarray(64 * block, 64 * block + 64))),
    ).toBe(true);
  });

  it('weights on the levels stay what they are', () => {
    const weights = Float32Array.from(NF4, (value) => 0.5 * value);
    const read = readFloatBlocks(quantizeFloatBlocks(inColumns(weights, 16, 1), NF4, 16), NF4, 16, 16);
    expect(read).toEqual(weights);
  });
});

describe('columns', () => {
  const depth = 37;
  const count = 41;
  const weights = new NetBuilder(3).normal(depth * count);

  const readAll = (columns: WeightColumns): Float32Array => {
    const all = new Float32Array(depth * count);
    for (let first = 0; first < count; first += 16) {
      columns.read(first, Math.min(16, count - first), all.subarray(first * depth));
    }
    return all;
  };

  it('are read from rows as from columns, at any place in a file', () => {
    const rows = weights.map((_, index) => weights[(index % count) * depth + Math.floor(index / count)] ?? 0);
    const bytes = new Uint8Array(rows.byteLength + 3);
    bytes.set(new Uint8Array(rows.buffer), 3);
    const tensor = tensorOf('w', DataType.float, [depth, count], bytes.subarray(3));
    expect(readAll(columnsOf(tensor, { depth, count, contiguous: false, factor: 1 }))).toEqual(weights);
  });

  it('are multiplied by the factor', () => {
    const tensor = tensorOf('w', DataType.float, [count, depth], weights);
    const read = readAll(columnsOf(tensor, { depth, count, contiguous: true, factor: -2 }));
    expect(read).toEqual(weights.map((weight) => -2 * weight));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('refuse %s', (value) => {
    const unsound = weights.slice();
    unsound[count * depth - 1] = value;
    expect(() => readAll(inColumns(unsound, depth, count))).toThrow("the weights 'w' hold NaN or infinities");
  });
});
