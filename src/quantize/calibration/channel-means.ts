/** Sums up tensors by channel, which their dimension 1 counts. */
export class ChannelMeans {
  /** null as long as nothing was seen, and when the tensors had no channels or not as many as each other. */
  #sums: Float64Array | null = null;
  #perChannel = 0;
  #failed = false;

  /** Takes in a tensor; returns the sum of all its elements. */
  add(values: Float32Array, dims: readonly number[]): number {
    const [batch = 1, channels = 1, ...rest] = dims;
    const size = rest.reduce((a, each) => a * each, 1);
    if (dims.length < 2 || (this.#sums !== null && this.#sums.length !== channels)) this.#failed = true;
    if (this.#failed) return sumOf(values, 0, values.length);
    this.#sums ??= new Float64Array(channels);
    let total = 0;
    for (let row = 0; row < batch * channels; row++) {
      const sum = sumOf(values, row * size, (row + 1) * size);
      const channel = row % channels;
      this.#sums[channel] = (this.#sums[channel] as number) + sum;
      total += sum;
    }
    this.#perChannel += batch * size;
    return total;
  }

  /** null when the tensors had no channels in common. */
  means(): Float32Array | null {
    if (this.#sums === null || this.#failed || this.#perChannel === 0) return null;
    return Float32Array.from(this.#sums, (sum) => sum / this.#perChannel);
  }
}

function sumOf(values: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += values[i] as number;
  return sum;
}
