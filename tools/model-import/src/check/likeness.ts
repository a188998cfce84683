import type { Numbers } from '../runtime/session.ts';

/** Cosine of all pairs of answers together. */
export function cosineOf(pairs: readonly (readonly [Numbers, Numbers])[]): number {
  let product = 0;
  let [a, b] = [0, 0];
  for (const [expected, found] of pairs) {
    for (let index = 0; index < expected.length; index++) {
      product += expected[index] * found[index];
      a += expected[index] ** 2;
      b += found[index] ** 2;
    }
  }
  return product / Math.sqrt(a * b);
}

/** The class that a row of numbers names. */
export function indexOfLargest(row: Numbers): number {
  return row.indexOf(Math.max(...row));
}
