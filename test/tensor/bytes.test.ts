import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinBytes, splitBytes, walkBytes } from '#naiad/tensor/bytes.js';

describe('BYTES tensors', () => {
  it('split into what was joined', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (elements) => {
        expect(splitBytes(joinBytes(elements))).toEqual(elements);
      }),
    );
  });

  it('end a walk with a reason, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(8), (data, elementsMax) => {
        let visited = 0;
        const walk = walkBytes(data, elementsMax, () => ++visited > 0);
        expect(visited).toBeLessThanOrEqual(elementsMax);
        if (walk.kind === 'complete') expect(walk.elements).toBe(visited);
        expect(walkBytes(data, elementsMax, null)).toEqual(walk);
      }),
    );
  });

  it.each<[string, number[], number, object]>([
    ['no bytes', [], 0, { kind: 'complete', elements: 0 }],
    ['an empty element', [0, 0, 0, 0], 1, { kind: 'complete', elements: 1 }],
    ['three bytes of a length', [1, 0, 0], 1, { kind: 'prefix-cut', available: 3 }],
    ['a length without its element', [2, 0, 0, 0, 9], 1, { kind: 'element-cut', length: 2, available: 1 }],
    [
      'a length of 4 GiB',
      [255, 255, 255, 255],
      1,
      { kind: 'element-cut', length: 2 ** 32 - 1, available: 0 },
    ],
    ['an element too many', [0, 0, 0, 0, 1, 0, 0, 0, 9], 1, { kind: 'surplus', elements: 2 }],
    ['an element that is refused', [0, 0, 0, 0, 1, 0, 0, 0, 9], 9, { kind: 'refused', element: 1 }],
  ])('tell of %s', (_, data, elementsMax, expected) => {
    expect(walkBytes(Uint8Array.from(data), elementsMax, (start, end) => end === start)).toEqual(expected);
  });
});
