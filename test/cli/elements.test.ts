import { describe, expect, it } from 'vitest';
import { fromElements, toElements } from '#naiad/cli/elements.js';
import type { Datatype } from '#naiad/tensor/datatype.js';
import { fromHalf } from '#naiad/tensor/half.js';
import { toHalf } from '#naiad/worker/decode/float16.js';

describe('elements', () => {
  it.each<[Datatype, unknown[]]>([
    ['BOOL', [true, false]],
    ['UINT8', [0, 255]],
    ['UINT16', [0, 65_535]],
    ['UINT32', [0, 4_294_967_295]],
    ['UINT64', [0, 9_007_199_254_740_991, '18446744073709551615']],
    ['INT8', [-128, 127]],
    ['INT16', [-32_768, 32_767]],
    ['INT32', [-2_147_483_648, 2_147_483_647]],
    ['INT64', [-9_007_199_254_740_991, '-9223372036854775808', '9223372036854775807']],
    ['FP16', [0, -1.5, 65_504, 6e-8, 'NaN', '-Infinity']],
    ['BF16', [0, -1.5, 3.0625, 'NaN', 'Infinity']],
    ['FP32', [0.1, -1e30, 1 / 3, 'NaN', 'Infinity']],
    ['FP64', [0.1, Math.PI, 1e-300]],
    ['BYTES', ['', 'ü', 'a\nb', { b64: '/w==' }]],
  ])('of %s come back as they went', (datatype, values) => {
    const read = fromElements(datatype, toElements(datatype, values));
    if (datatype !== 'FP32' && datatype !== 'FP16') expect(read).toEqual(values);
    else
      read.forEach((value, index) => {
        const number = Number(values[index]);
        const expected = datatype === 'FP32' ? Math.fround(number) : fromHalf(toHalf(number));
        expect(datatype === 'FP32' ? Math.fround(Number(value)) : Number(value)).toEqual(expected);
      });
  });

  it('of FP32 are the shortest decimals', () => {
    expect(fromElements('FP32', toElements('FP32', [0.1, 16_777_216, 0.3]))).toEqual([0.1, 16_777_216, 0.3]);
  });

  it('of BOOL may be 0 and 1', () => {
    expect([...toElements('BOOL', [1, 0, true])]).toEqual([1, 0, 1]);
  });

  it('are little-endian and may lie anywhere', () => {
    expect([...toElements('UINT16', [258])]).toEqual([2, 1]);
    expect(fromElements('INT32', new Uint8Array([9, 1, 0, 0, 0]).subarray(1))).toEqual([1]);
  });

  it.each<[Datatype, unknown, string]>([
    ['UINT8', 256, '256 is no whole number from 0 to 255'],
    ['UINT8', -1, '-1 is no whole number from 0 to 255'],
    ['INT32', 1.5, '1.5 is no whole number'],
    ['INT32', 'x', '"x" (element 0) is no INT32'],
    ['INT64', '9223372036854775808', 'is no whole number from'],
    ['FP32', null, 'null (element 0) is no FP32'],
    ['FP32', { a: 1 }, '(element 0) is no FP32'],
    ['BOOL', 2, '2 (element 0) is no BOOL'],
    ['BYTES', 1, '1 is neither a text nor {"b64": "..."}'],
  ])('of %s can not be %j', (datatype, value, text) => {
    expect(() => toElements(datatype, [value])).toThrow(text);
  });
});

describe('half precision', () => {
  it('is read for every pattern as it is written', () => {
    const halves = Array.from({ length: 0x10000 }, (_, half) => half);
    const wrong = halves.filter((half) => !Number.isNaN(fromHalf(half)) && toHalf(fromHalf(half)) !== half);
    expect(wrong).toEqual([]);
  });

  it.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65_504],
    [0x0001, 2 ** -24],
    [0x7c00, Number.POSITIVE_INFINITY],
  ])('0x%i is %d', (half, value) => {
    expect(fromHalf(half)).toBe(value);
  });
});
