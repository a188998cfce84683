import { describe, expect, it } from 'vitest';
import { ranked, suggestExclusion } from '#naiad/quantize/sensitivity.js';

const layersOf = (...errors: number[]) =>
  ranked(
    errors.map((relativeRmse, index) => ({
      node: `layer${index}`,
      opType: 'Conv',
      cosine: 1,
      relativeRmse,
      maxAbs: 0,
    })),
  );
const EVEN = Array.from({ length: 30 }, () => 1);

describe('layers', () => {
  it('have their part of the squared error, the largest first', () => {
    expect(layersOf(1, 3, 2).map(({ node, share }) => [node, share])).toEqual([
      ['layer1', 9 / 14],
      ['layer2', 4 / 14],
      ['layer0', 1 / 14],
    ]);
    expect(layersOf(0, 0).map(({ share }) => share)).toEqual([0, 0]);
  });

  it('that make most of it are worth excluding', () => {
    expect(suggestExclusion(layersOf(...EVEN, 20))).toEqual({ nodes: ['layer30'], share: 400 / 430 });
    expect(suggestExclusion(layersOf(...EVEN, 4, 4, 4, 4)).nodes).toEqual(['layer30', 'layer31', 'layer32']);
  });

  it('of which none stands out are not', () => {
    expect(suggestExclusion(layersOf(...EVEN)).nodes).toEqual([]);
    expect(suggestExclusion(layersOf(1, 2)).nodes).toEqual([]);
    expect(suggestExclusion([]).nodes).toEqual([]);
  });
});
