import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensorOf } from '#naiad/onnx/build.js';
import { DataType } from '#naiad/onnx/data-type.js';
import { affineOf, dequantizeValue, quantizeValue, roundHalfEven } from '#naiad/quantize/static/affine.js';
import { NetBuilder } from '../../support/net-builder.js';
import { answerOf } from '../../support/ort-runs.js';

const end = fc.float({ min: 2 ** -20, max: 2 ** 20, noNaN: true });
const range = fc
  .tuple(fc.option(end, { nil: 0 }), fc.option(end, { nil: 0 }))
  .filter(([below, above]) => below + above > 0)
  .map(([below, above]) => ({ min: below === 0 ? 0 : -below, max: above }));
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('8-bit numbers of a range', () => {
  it('are at most half a scale from every value inside', () => {
    fc.assert(
      fc.property(range, share, ({ min, max }, at) => {
        const affine = affineOf({ min, max });
        const value = min + at * (max - min);
        const error = Math.abs(dequantizeValue(quantizeValue(value, affine), affine) - value);
        expect(error).toBeLessThanOrEqual((affine.scale / 2) * (1 + 1e-5));
      }),
    );
  });

  it('have the finest scale, and meet zero exactly', () => {
    fc.assert(
      fc.property(range, ({ min, max }) => {
        const affine = affineOf({ min, max });
        expect((affine.scale * 255) / (max - min)).toBeCloseTo(1, 6);
        expect(dequantizeValue(quantizeValue(0, affine), affine)).toBe(0);
        expect(affine.zeroPoint).toBe(Math.round(affine.zeroPoint));
      }),
    );
  });

  it('stay at the ends for values outside', () => {
    const affine = affineOf({ min: -1, max: 3 });
    expect(
      [-1e9, -1.1, 3.1, 1e9, Number.NEGATIVE_INFINITY].map((value) => quantizeValue(value, affine)),
    ).toEqual([0, 0, 255, 255, 0]);
  });

  it('of nothing but zero have a scale nevertheless', () => {
    expect(affineOf({ min: 0, max: 0 })).toEqual({ scale: 1, zeroPoint: 0 });
    expect(affineOf({ min: 0, max: 1e-40 })).toEqual({ scale: 1, zeroPoint: 0 });
  });

  it('are those that ONNX Runtime makes', async () => {
    const affine = affineOf({ min: -1.7, max: 2.9 });
    const net = new NetBuilder(5);
    const scale = net.floats([], [affine.scale]);
    net.initializers.push(tensorOf('zero', DataType.uint8, [], Uint8Array.of(affine.zeroPoint)));
    const numbers = net.add('QuantizeLinear', ['x', scale, 'zero']);
    net.add('Cast', [numbers], { attributes: { to: DataType.float }, outputs: ['y'] });
    const halves = Array.from({ length: 512 }, (_, index) => Math.fround((index / 2 - 128) * affine.scale));
    const values = Float32Array.from([...net.normal(1000, 2), ...halves]);
    const made = await answerOf(net.model({ inputs: { x: ['n'] }, outputs: ['y'] }), {
      x: { dims: [values.length], data: values },
    });
    const own = Float32Array.from(values, (value) => quantizeValue(value, affine));
    // Values half-way between two numbers may go either way, since ONNX Runtime divides floats.
    const differing = own.filter((number, index) => {
      const exact = (values[index] ?? 0) / affine.scale;
      return number !== made[index] && Math.abs(exact - Math.floor(exact) - 0.5) > 1e-4;
    });
    expect([...differing]).toEqual([]);
  });
});

it('halves are rounded to the even neighbour', () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 0.4999, -2.51, 7].map(roundHalfEven).map((value) => value + 0)).toEqual([
    0, 2, 2, 0, -2, 0, -3, 7,
  ]);
});
