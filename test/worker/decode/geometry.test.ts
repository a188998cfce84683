import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { geometryOf } from '#naiad/worker/decode/geometry.js';

const size = (width: number, height: number) => ({ width, height });

describe('geometryOf', () => {
  it('stretches whatever comes', () => {
    expect(geometryOf({ resize: 'stretch', ...size(8, 6) }, size(100, 3))).toEqual({
      scaled: size(8, 6),
      left: 0,
      top: 0,
      used: size(8, 6),
      x: 0,
      y: 0,
    });
  });

  it.each([
    ['wide', size(40, 20), size(40, 20), 10, 0],
    ['high', size(20, 40), size(20, 40), 0, 10],
    ['small', size(4, 2), size(40, 20), 10, 0],
    ['odd', size(41, 20), size(41, 20), 10, 0],
    ['alike', size(7, 7), size(20, 20), 0, 0],
    ['a line', size(1000, 1), size(20_000, 20), 9990, 0],
  ])('covers with the middle of a %s picture', (_name, source, scaled, left, top) => {
    expect(geometryOf({ resize: 'cover', ...size(20, 20) }, source)).toEqual({
      scaled,
      left,
      top,
      used: size(20, 20),
      x: 0,
      y: 0,
    });
  });

  it.each([
    ['wide', size(40, 20), size(20, 10), 0, 5],
    ['high', size(20, 40), size(10, 20), 5, 0],
    ['small', size(4, 2), size(20, 10), 0, 5],
    ['odd', size(40, 22), size(20, 11), 0, 4],
    ['a line', size(1000, 1), size(20, 1), 0, 9],
  ])('contains a %s picture in the middle', (_name, source, scaled, x, y) => {
    expect(geometryOf({ resize: 'contain', ...size(20, 20) }, source)).toEqual({
      scaled,
      left: 0,
      top: 0,
      used: scaled,
      x,
      y,
    });
  });

  it('never leaves the frame nor the picture', () => {
    const side = fc.integer({ min: 1, max: 20_000 });
    fc.assert(
      fc.property(
        fc.constantFrom('cover', 'contain'),
        side,
        side,
        side,
        side,
        (resize, width, height, w, h) => {
          const { scaled, left, top, used, x, y } = geometryOf({ resize, width, height }, size(w, h));
          expect(left).toBeGreaterThanOrEqual(0);
          expect(top).toBeGreaterThanOrEqual(0);
          expect(left + used.width).toBeLessThanOrEqual(scaled.width);
          expect(top + used.height).toBeLessThanOrEqual(scaled.height);
          expect(x + used.width).toBeLessThanOrEqual(width);
          expect(y + used.height).toBeLessThanOrEqual(height);
          if (resize === 'cover') expect(used).toEqual(size(width, height));
          else expect(used).toEqual(scaled);
        },
      ),
    );
  });
});
