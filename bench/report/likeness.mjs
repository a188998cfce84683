/**
 * @typedef {object} Answer of one input
 * @property {Float32Array} numbers
 * @property {number} classes length of a row of them
 *
 * @typedef {object} Likeness of two models' answers
 * @property {number} cosine of all numbers together
 * @property {number} sameClass part of the rows in which the largest number stands at the same place
 */

/** Numbers of an FP32 tensor as it comes off the wire. @param {Uint8Array} bytes */
export function floatsOf(bytes) {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** @param {readonly Answer[]} some @param {readonly Answer[]} others to the same inputs @returns {Likeness} */
export function likeness(some, others) {
  let product = 0;
  let left = 0;
  let right = 0;
  let rows = 0;
  let same = 0;
  for (const [index, { numbers: one, classes }] of some.entries()) {
    const other = others[index]?.numbers ?? new Float32Array(0);
    if (other.length !== one.length) throw new Error(`${other.length} numbers in place of ${one.length}`);
    for (let at = 0; at < one.length; at++) {
      const [a = 0, b = 0] = [one[at], other[at]];
      product += a * b;
      left += a * a;
      right += b * b;
    }
    for (let at = 0; at < one.length; at += classes) {
      rows++;
      const classOf = (/** @type {Float32Array} */ numbers) => largestOf(numbers.subarray(at, at + classes));
      if (classOf(one) === classOf(other)) same++;
    }
  }
  return { cosine: product / Math.sqrt(left * right), sameClass: same / rows };
}

/** @param {Float32Array} numbers */
function largestOf(numbers) {
  let found = 0;
  for (let index = 1; index < numbers.length; index++) {
    if ((numbers[index] ?? 0) > (numbers[found] ?? 0)) found = index;
  }
  return found;
}
