import { describe, expect, it } from 'vitest';
import { floatsTensor, valueInfoOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import type { OnnxDim, OnnxValueInfo } from '#naiad/onnx/model.js';
import { factsOf, valueFacts } from '#naiad/onnx/value-facts.js';
import { aGraph, aValue } from './a-model.js';

const shapes = (...all: readonly (readonly OnnxDim[] | null)[]): readonly OnnxDim[] | null | undefined =>
  valueFacts(...all.map((shape) => [aValue('x', shape)])).get('x')?.shape;

describe('valueFacts', () => {
  it.each([
    [
      'a size before a name before nothing',
      [
        ['n', null, 3],
        [2, 'm', 'c'],
      ],
      [2, 'm', 3],
    ],
    ['the first of two names', [['n'], ['m']], ['n']],
    ['a rank before none', [null, [1, 'n']], [1, 'n']],
    [
      'nothing where sizes contradict each other',
      [
        [2, 3],
        [2, 4],
        [2, 4],
      ],
      [2, null],
    ],
    ['nothing where ranks contradict each other', [[2, 3], [2], [2]], null],
  ] as const)('takes %s', (_what, sources, expected) => {
    expect(shapes(...sources)).toEqual(expected);
    if (!_what.includes('names')) expect(shapes(...sources.toReversed())).toEqual(expected);
  });

  it('takes an element type that nobody contradicts', () => {
    const of = (...types: readonly number[]): number | undefined =>
      valueFacts(...types.map((type) => [valueInfoOf('x', type, [1])])).get('x')?.elemType;
    expect(of(DataType.undefined, DataType.float)).toBe(DataType.float);
    expect(of(DataType.float, DataType.float16, DataType.float)).toBe(DataType.undefined);
  });

  it('leaves sequences as they are', () => {
    const sequence: OnnxValueInfo = {
      ...valueInfoOf('x', DataType.undefined, null),
      otherType: Uint8Array.of(1),
    };
    expect(valueFacts([aValue('x', [1])], [sequence]).get('x')).toBe(sequence);
  });

  it('begins with what a graph says', () => {
    const facts = factsOf(
      aGraph({
        inputs: [aValue('x', ['n', 3])],
        outputs: [aValue('y')],
        valueInfos: [aValue('a', [1]), aValue('y', [7])],
        initializers: [floatsTensor('w', [1, 2])],
      }),
    );
    expect([...facts].map(([name, { shape }]) => [name, shape])).toEqual([
      ['w', [2]],
      ['x', ['n', 3]],
      ['y', [7]],
      ['a', [1]],
    ]);
  });
});
