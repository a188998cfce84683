import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Answer,
  bestOf,
  differenceOf,
  figuresOf,
  rankOf,
  signTest,
  wilson,
} from '#naiad/cli/evaluate/figures.js';

const said = (truth: number, predicted: number, rank: number | null = null): Answer => ({
  truth,
  predicted,
  rank,
});

describe('figures', () => {
  it('count what is right, by class and in all', () => {
    const figures = figuresOf([said(0, 0), said(0, 1), said(1, 1), said(1, 1), said(2, 1)], 3);
    expect(figures).toMatchObject({ count: 5, right: 3, accuracy: 0.6, top5: null });
    expect(figures.classes).toEqual([
      { index: 0, count: 2, precision: 1, recall: 0.5, f1: 2 / 3 },
      { index: 1, count: 2, precision: 0.5, recall: 1, f1: 2 / 3 },
      { index: 2, count: 1, precision: null, recall: 0, f1: 0 },
    ]);
    expect(figures.confusion).toEqual([
      { truth: 0, predicted: 0, count: 1 },
      { truth: 0, predicted: 1, count: 1 },
      { truth: 1, predicted: 1, count: 2 },
      { truth: 2, predicted: 1, count: 1 },
    ]);
  });

  it('have a class that is only ever a wrong prediction', () => {
    const [, never] = figuresOf([said(0, 7)], 8).classes;
    expect(never).toEqual({ index: 7, count: 0, precision: 0, recall: null, f1: 0 });
  });

  it('tell how many are among the best five, where the model ranks all classes', () => {
    const answers = [said(0, 0, 0), said(0, 1, 4), said(0, 1, 5), said(0, 1, 9)];
    expect(figuresOf(answers, 10).top5).toBe(0.5);
    expect(figuresOf(answers, 5).top5).toBeNull();
    expect(figuresOf([...answers, said(0, 1)], 10).top5).toBeNull();
  });

  it('add up, whatever the answers', () => {
    const answer = fc.record({ truth: fc.nat(9), predicted: fc.nat(9), rank: fc.constant(null) });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 60 }), (answers) => {
        const { classes, confusion, count, right, accuracy, interval } = figuresOf(answers, 10);
        expect(count).toBe(answers.length);
        expect(confusion.reduce((sum, pair) => sum + pair.count, 0)).toBe(count);
        expect(classes.reduce((sum, each) => sum + each.count, 0)).toBe(count);
        const found = classes.reduce((sum, each) => sum + each.count * (each.recall ?? 0), 0);
        expect(found).toBeCloseTo(right, 9);
        expect(interval[0]).toBeLessThanOrEqual(accuracy + 1e-12);
        expect(interval[1]).toBeGreaterThanOrEqual(accuracy - 1e-12);
      }),
      { numRuns: 50 },
    );
  });
});

describe('scores', () => {
  it('have a best one and places', () => {
    const scores = [0.1, 0.7, 0.2, Number.NaN];
    expect(bestOf(scores)).toBe(1);
    expect([0, 1, 2].map((index) => rankOf(scores, index))).toEqual([2, 0, 1]);
    expect(rankOf(scores, 3)).toBe(4);
    expect(bestOf([Number.NaN, -3, -2])).toBe(2);
  });

  it('that are all the same rank the truth in the middle', () => {
    expect(rankOf(new Float32Array(11), 0)).toBe(5);
  });
});

describe('a difference', () => {
  it('counts what is lost and gained', () => {
    const one = [said(0, 0), said(0, 1), said(1, 0), said(1, 1), said(1, 1)];
    const other = [said(0, 0), said(0, 0), said(1, 0), said(1, 0), said(1, 0)];
    expect(differenceOf(one, other)).toEqual({
      accuracy: 0.2,
      agreement: 0.4,
      lost: 1,
      gained: 2,
      chance: 1,
    });
  });

  it('says how likely it is for equal models', () => {
    // Tables of the binomial distribution: P(X <= 2 | 10, 0.5) = 56 / 1024.
    expect(signTest(2, 8)).toBeCloseTo(112 / 1024, 12);
    expect(signTest(8, 2)).toBe(signTest(2, 8));
    expect(signTest(0, 0)).toBe(1);
    expect(signTest(5, 5)).toBe(1);
    expect(signTest(0, 20)).toBeCloseTo(2 ** -19, 15);
    expect(signTest(3000, 3200)).toBeCloseTo(0.01151, 4);
  });

  it('has the interval of Wilson', () => {
    // Newcombe 1998, table I: 81 of 263.
    const [low, high] = wilson(81, 263);
    expect(low).toBeCloseTo(0.2553, 4);
    expect(high).toBeCloseTo(0.3662, 4);
    expect(wilson(0, 20)[0]).toBe(0);
    expect(wilson(20, 20)[1]).toBe(1);
  });
});
