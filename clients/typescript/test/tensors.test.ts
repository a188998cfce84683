import {
  fromBfloat16,
  fromFloat16,
  InferenceClient,
  type Tensor,
  tensor,
  textsOf,
  toBfloat16,
  toFloat16,
} from 'naiad-client';
import { afterAll, describe, expect, inject, test } from 'vitest';

const client = new InferenceClient(inject('address'));
afterAll(() => client.close());

const name = 'INPUT0';
const shape = [3];

const EXTREMES: readonly Tensor[] = [
  tensor.bool(name, shape, [true, false, true]),
  tensor.uint8(name, shape, [0, 1, 255]),
  tensor.uint16(name, shape, [0, 1, 65_535]),
  tensor.uint32(name, shape, [0, 1, 2 ** 32 - 1]),
  tensor.uint64(name, shape, [0n, 2n ** 64n - 1n, 2n ** 53n + 1n]),
  tensor.int8(name, shape, [-128, 0, 127]),
  tensor.int16(name, shape, [-32_768, 0, 32_767]),
  tensor.int32(name, shape, [-(2 ** 31), 0, 2 ** 31 - 1]),
  tensor.int64(name, shape, [-(2n ** 63n), 2n ** 63n - 1n, 7]),
  tensor.fp16(name, shape, [-65_504, 2 ** -24, 0.1]),
  tensor.bf16(name, shape, [-(2 ** 100), 2 ** -133, 0.1]),
  tensor.fp32(name, shape, [0.1, -Infinity, Number.NaN]),
  tensor.fp64(name, shape, [0.1, 5e-324, Number.NaN]),
  tensor.bytes(name, shape, ['', 'naïve ✓', Uint8Array.of(0, 255, 128)]),
];

describe('tensors through a server', () => {
  test.each(EXTREMES.map((input) => [input.datatype, input] as const))('%s', async (datatype, input) => {
    const model = `identity_${datatype === 'BYTES' ? 'string' : datatype.toLowerCase()}`;
    const result = await client.infer({ model, inputs: [input] });
    const output = result.output('OUTPUT0', datatype);
    expect(output.shape).toEqual(shape);
    expect(output.data.constructor).toBe(input.data.constructor);
    expect(Array.from(output.data, plain)).toEqual(Array.from(input.data, plain));
  });

  test('none of the elements', async () => {
    const result = await client.infer({ model: 'identity_fp32', inputs: [tensor.fp32(name, [0], [])] });
    expect(result.output('OUTPUT0').data).toHaveLength(0);
  });

  test('a view into a larger array', async () => {
    const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    const result = await client.infer({ model: 'identity_fp32', inputs: [tensor.fp32(name, [2], data)] });
    expect([...result.output('OUTPUT0', 'FP32').data]).toEqual([1, 2]);
  });

  test('texts', async () => {
    const input = tensor.bytes(name, [2], ['naïve ✓', '']);
    const result = await client.infer({ model: 'identity_string', inputs: [input] });
    expect(textsOf(result.output('OUTPUT0', 'BYTES'))).toEqual(['naïve ✓', '']);
  });

  test('an output that is not there, or of another datatype', async () => {
    const result = await client.infer({ model: 'identity_fp32', inputs: [tensor.fp32(name, [1], [1])] });
    expect(() => result.output('OUTPUT1')).toThrow("there is no output 'OUTPUT1'; there are 'OUTPUT0'");
    expect(() => result.output('OUTPUT0', 'INT32')).toThrow(
      "output 'OUTPUT0' is of datatype FP32, not INT32",
    );
  });
});

describe('what no tensor can hold', () => {
  test.each([
    [
      'a number too many',
      () => tensor.fp32('x', [1, 2], [1, 2, 3]),
      "'x' of shape [1,2] has 2 elements, got 3",
    ],
    [
      '300 in UINT8',
      () => tensor.uint8('x', [1], [300]),
      "element 0 of tensor 'x' is 300, which does not fit",
    ],
    ['a fraction in INT32', () => tensor.int32('x', [2], [1, 0.5]), "element 1 of tensor 'x' is 0.5"],
    [
      '-1 in UINT64',
      () => tensor.uint64('x', [1], [-1]),
      "element 0 of tensor 'x' is -1, which does not fit",
    ],
    [
      '2^63 in INT64',
      () => tensor.int64('x', [1], [2n ** 63n]),
      "element 0 of tensor 'x' is 9223372036854775808",
    ],
  ])('%s', (_, make, text) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(text);
  });
});

describe('floats of two bytes', () => {
  test.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519.99, 0x7bff],
    [65_520, 0x7c00],
    [-Infinity, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    // Halves of the last place go to the even neighbour.
    [2 ** -25, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2 - 2 ** -12, 0x4000],
  ])('%d as a half', (value, expected) => {
    expect(toFloat16([value])[0]).toBe(expected);
  });

  test('every half comes back', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, index) => index).filter(
      (half) => (half & 0x7c00) !== 0x7c00 || (half & 0x3ff) === 0,
    );
    expect(toFloat16(fromFloat16(all))).toEqual(all);
    expect(fromFloat16(toFloat16([Number.NaN]))[0]).toBeNaN();
  });

  test.each([
    [1, 0x3f80],
    [-Infinity, 0xff80],
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [3.4e38, 0x7f80],
  ])('%d as bfloat16', (value, expected) => {
    expect(toBfloat16([value])[0]).toBe(expected);
  });

  test('every bfloat16 comes back', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, index) => index).filter(
      (half) => (half & 0x7f80) !== 0x7f80 || (half & 0x7f) === 0,
    );
    expect(toBfloat16(fromBfloat16(all))).toEqual(all);
    expect(fromBfloat16(toBfloat16([Number.NaN]))[0]).toBeNaN();
  });
});

/** NaN is equal to itself in `toEqual`; bytes compare as lists. */
function plain(element: unknown): unknown {
  return element instanceof Uint8Array ? [...element] : element;
}
