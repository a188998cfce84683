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
      }),
    );
  });
});
