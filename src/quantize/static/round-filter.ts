/** Greatest magnitude of a number; -128 is left out so that both signs reach equally far. */
export const MAGNITUDE_MAX = 127;

/**
 * Rounds `length` weights from index `first` on, `stride` apart, to numbers whose sum is that of the weights, in
 * scales, to the half: each weight to the nearest number, some to the next but one where that makes up for the
 * others. No weight is off by a whole scale.
 */
export function roundFilter(
  weights: Float32Array,
  numbers: Int8Array,
  first: number,
  stride: number,
  length: number,
  scale: number,
): void {
  const end = first + length * stride;
  let lost = 0;
  for (let index = first; index < end; index += stride) {
    const exact = (weights[index] as number) / scale;
    const number = Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, Math.round(exact)));
    numbers[index] = number;
    lost += exact - number;
  }
  const sign = Math.sign(lost);
  for (let rest = Math.ceil(Math.abs(lost) - 0.5); rest > 0; rest--) {
    let found = first;
    let most = Number.NEGATIVE_INFINITY;
    for (let index = first; index < end; index += stride) {
      const lostHere = sign * ((weights[index] as number) / scale - (numbers[index] as number));
      if (lostHere > most) {
        most = lostHere;
        found = index;
      }
    }
    numbers[found] = (numbers[found] as number) + sign;
  }
}
