import { describe, expect, it } from 'vitest';
import { fromElements } from '#naiad/cli/elements.js';
import { type GivenSource, type InputSignature, toInputTensors } from '#naiad/cli/infer-inputs.js';
import { splitBytes } from '#naiad/tensor/bytes.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';

const FP32: InputSignature = { name: 'X', datatype: 'FP32', shape: [-1, 2] };
const TEXT: InputSignature = { name: 'TEXT', datatype: 'BYTES', shape: [-1, 1] };
const IMAGE: InputSignature = { name: 'image', datatype: 'FP32', shape: [-1, 3, 224, 224] };
const JPEG = Buffer.from('\xff\xd8\xff\xe0 and so on', 'latin1');

const json = (value: unknown, input: string | null = 'X'): GivenSource => ({
  input,
  source: { kind: 'json', label: 'it', value },
});
const file = (bytes: Uint8Array, label = 'file', input: string | null = null): GivenSource => ({
  input,
  source: { kind: 'file', label, bytes },
});

const tensorsOf = (signatures: readonly InputSignature[], ...given: GivenSource[]): NamedTensor[] =>
  toInputTensors('m', signatures, given);

describe('JSON', () => {
  it.each<[unknown, number[]]>([
    [[[1, 2]], [1, 2]],
    [
      [1, 2],
      [1, 2],
    ],
    [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [3, 2],
    ],
    [[], [1, 0]],
    // Wrong for the model, but that is for the server to say.
    [[[[1]]], [1, 1, 1]],
  ])('%j has shape %j', (value, shape) => {
    const [tensor] = tensorsOf([FP32], json(value));
    expect(tensor).toMatchObject({ name: 'X', datatype: 'FP32', shape });
    expect(fromElements('FP32', tensor?.data ?? new Uint8Array())).toEqual([value].flat(5));
  });

  it('of one value fits where one element does', () => {
    expect(tensorsOf([TEXT], json('hello', 'TEXT'))).toMatchObject([{ datatype: 'BYTES', shape: [1, 1] }]);
    const [scalar] = tensorsOf([{ name: 'X', datatype: 'INT64', shape: [] }], json(3));
    expect(scalar?.shape).toEqual([]);
  });

  it('does not get a leading dim that the model fixes otherwise', () => {
    const signature: InputSignature = { name: 'X', datatype: 'FP32', shape: [4, 2] };
    expect(tensorsOf([signature], json([1, 2]))).toMatchObject([{ shape: [2] }]);
  });

  it('object holds a value for each input', () => {
    const tensors = tensorsOf([FP32, TEXT], json({ TEXT: ['a'], X: [1, 2] }, null));
    expect(tensors).toMatchObject([
      { name: 'X', shape: [1, 2] },
      { name: 'TEXT', shape: [1, 1] },
    ]);
  });

  it.each([
    [[[1, 2], [3]], 'it: lists differ in length: [1] has 1 elements, expected 2'],
    [[1, [2]], 'it: [1] is a list, the others there are values'],
    [[[1, 2], 3], 'it: lists differ in length: [1] has no list, expected 2'],
    [['a', 'b'], 'it: "a" (element 0) is no FP32'],
  ])('%j is refused', (value, text) => {
    expect(() => tensorsOf([FP32], json(value))).toThrow(text);
  });
});

describe('files', () => {
  it('of pictures go to the only input as they are, one row each', () => {
    const png = Buffer.from('\x89PNG\r\n\x1a\n...', 'latin1');
    const [tensor] = tensorsOf([IMAGE], file(JPEG), file(png));
    expect(tensor).toMatchObject({ name: 'image', datatype: 'BYTES', shape: [2] });
    expect(splitBytes(tensor?.data ?? new Uint8Array()).map((item) => Buffer.from(item))).toEqual([
      JPEG,
      png,
    ]);
  });

  it('of any kind are elements of an input of BYTES', () => {
    expect(tensorsOf([TEXT], file(Buffer.from('some text')))).toMatchObject([
      { name: 'TEXT', datatype: 'BYTES', shape: [1, 1] },
    ]);
  });

  it('that are no pictures are refused for an input of numbers', () => {
    expect(() => tensorsOf([IMAGE], file(Buffer.from('text'), 'notes.txt'))).toThrow(
      "notes.txt: it is neither a picture (JPEG, PNG, WebP, AVIF, GIF, TIFF) nor .npy nor .json, and input 'image' takes FP32",
    );
  });

  it('need a name where there are several inputs', () => {
    expect(() => tensorsOf([FP32, TEXT], file(JPEG, 'a.jpg'))).toThrow(
      "which input is a.jpg? Model 'm' takes X FP32 [-1,2], TEXT BYTES [-1,1]: use --input NAME=a.jpg",
    );
    expect(tensorsOf([FP32, TEXT], file(JPEG, 'a.jpg', 'TEXT'))).toMatchObject([{ name: 'TEXT' }]);
  });
});

describe('several parts of one input', () => {
  it('are joined along the first dim', () => {
    const [tensor] = tensorsOf(
      [FP32],
      json([1, 2]),
      json([
        [3, 4],
        [5, 6],
      ]),
    );
    expect(tensor?.shape).toEqual([3, 2]);
    expect(fromElements('FP32', tensor?.data ?? new Uint8Array())).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('must fit together', () => {
    expect(() => tensorsOf([FP32], json([1, 2]), json([1, 2, 3]))).toThrow(
      "the parts of input 'X' do not fit together: FP32 [1,2] and FP32 [1,3]",
    );
  });
});

describe('names', () => {
  it('must be those of inputs', () => {
    expect(() => tensorsOf([FP32], json([1], 'Y'))).toThrow(
      "model 'm' has no input 'Y', it takes X FP32 [-1,2]",
    );
  });

  it('at least one must be given', () => {
    expect(() => tensorsOf([FP32])).toThrow("no input was given; model 'm' takes X FP32 [-1,2]");
  });
});
