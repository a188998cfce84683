/** Random numbers, the same ones for the same seed. */
export class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed;
  }

  /** Of a normal distribution. @param {number} length @param {number} deviation */
  normal(length, deviation) {
    const numbers = new Float32Array(length);
    for (let index = 0; index < length; index += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log(1 - this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      numbers[index] = radius * Math.cos(angle);
      if (index + 1 < length) numbers[index + 1] = radius * Math.sin(angle);
    }
    return numbers;
  }

  /** Mulberry32: from 0 to below 1. */
  uniform() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
