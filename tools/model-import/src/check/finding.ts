/** One line of the report: how far a model is from what is expected of it. */
export interface Finding {
  readonly model: string;
  readonly check: string;
  readonly difference: number;
  readonly tolerance: number;
}

/** For comparisons by `difference` of the same net in two runtimes, or in two batch sizes: only the last bits may differ. */
export const SAME_NET_TOLERANCE = 5e-5;

export function isWithinTolerance({ difference, tolerance }: Finding): boolean {
  // Written so that NaN fails.
  return difference <= tolerance;
}

/** The largest distance between two numbers at the same place, as a fraction of the largest number expected (but of 1 at least). */
export function difference(expected: ArrayLike<number>, found: ArrayLike<number>): number {
  if (expected.length !== found.length)
    throw new Error(`${expected.length} numbers expected, ${found.length} found`);
  let distance = 0;
  let largest = 1;
  for (let index = 0; index < expected.length; index++) {
    distance = Math.max(distance, Math.abs(expected[index] - found[index]));
    largest = Math.max(largest, Math.abs(expected[index]));
  }
  return distance / largest;
}

export function worst(differences: readonly number[]): number {
  return Math.max(0, ...differences);
}
