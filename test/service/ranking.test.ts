import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rank, rankKeys } from '#naiad/service/ranking.js';
import type { Datatype } from '#naiad/tensor/datatype.js';

type Values = ArrayLike<number | bigint> & { readonly buffer: ArrayBufferLike };

/** The definition: descending, NaN last, equal values in the order of their index. */
function expected(values: readonly (number | bigint)[], count: number): number[] {
  const isNan = (value: number | bigint | undefined): boolean => Number.isNaN(value);
  const order = values.map((_, index) => index);
  order.sort((a, b) => {
    const [x, y] = [values[a] ?? 0, values[b] ?? 0];
    if (isNan(x) || isNan(y)) return Number(isNan(x)) - Number(isNan(y)) || a - b;
    return x === y ? a - b : x > y ? -1 : 1;
  });
  return order.slice(0, count);
}

/** Ranks `values` behind an element that is not theirs, in data that is not aligned. */
function ranked(datatype: Datatype, values: Values, count: number): number[] {
  const bytes = new Uint8Array(values.buffer);
  const size = bytes.length / values.length;
  const data = new Uint8Array(1 + size + bytes.length).subarray(1);
  data.set(bytes, size);
  const keys = rankKeys(datatype, data);
  if (keys === null) throw new Error(`${datatype} has no order`);
  const result = new Uint32Array(count);
  rank(keys, 1, values.length, result);
  return [...result];
}

const SPECIAL = [0, -0, 1, -1, Number.NaN, -Number.NaN, 2 ** -149, -(2 ** -149), 5e-324, -5e-324];
const float = fc.oneof(fc.double(), fc.constantFrom(...SPECIAL, ...[1, -1].map((sign) => sign / 0)));
const integer = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.constantFrom(0n, 1n, -1n));
const lengths = { minLength: 1, maxLength: 200, size: 'max' } as const;

const INTEGERS: [Datatype, (values: bigint[]) => Values][] = [
  ['UINT8', (values) => Uint8Array.from(values, Number)],
  ['INT8', (values) => Int8Array.from(values, (value) => Number(BigInt.asIntN(8, value)))],
  ['UINT16', (values) => Uint16Array.from(values, (value) => Number(BigInt.asUintN(16, value)))],
  ['INT16', (values) => Int16Array.from(values, (value) => Number(BigInt.asIntN(16, value)))],
  ['UINT32', (values) => Uint32Array.from(values, (value) => Number(BigInt.asUintN(32, value)))],
  ['INT32', (values) => Int32Array.from(values, (value) => Number(BigInt.asIntN(32, value)))],
  ['UINT64', (values) => BigUint64Array.from(values)],
  ['INT64', (values) => BigInt64Array.from(values)],
];

describe('rank', () => {
  it.each(INTEGERS)('lists the highest %s first, whatever the count', (datatype, toValues) => {
    fc.assert(
      fc.property(fc.array(integer, lengths), fc.nat(), (numbers, wish) => {
        const values = toValues(numbers);
        const count = wish % (values.length + 1);
        expect(ranked(datatype, values, count)).toEqual(expected(Array.from(values), count));
      }),
    );
  });

  it.each<[Datatype, (values: number[]) => Values]>([
    ['FP32', (values) => Float32Array.from(values)],
    ['FP64', (values) => Float64Array.from(values)],
  ])('lists the highest %s first, zeros as equals and NaN last', (datatype, toValues) => {
    fc.assert(
      fc.property(fc.array(float, lengths), fc.nat(), (numbers, wish) => {
        const values = toValues(numbers);
        const count = wish % (values.length + 1);
        expect(ranked(datatype, values, count)).toEqual(expected(Array.from(values), count));
      }),
    );
  });

  it.each<[string, (index: number) => number]>([
    ['ascending', (index) => index],
    ['descending', (index) => -index],
    ['equal', () => 7],
    ['many equal', (index) => index % 3],
  ])('many that are %s', (_, valueAt) => {
    const values = Float32Array.from({ length: 3000 }, (_, index) => valueAt(index));
    for (const count of [1, 16, 17, 2999, 3000]) {
      expect(ranked('FP32', values, count)).toEqual(expected([...values], count));
    }
  });

  it.each(['BOOL', 'FP16', 'BF16', 'BYTES'] as const)('has no keys for %s', (datatype) => {
    expect(rankKeys(datatype, new Uint8Array(8))).toBeNull();
  });
});
