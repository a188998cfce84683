/** A BYTES tensor that grows by texts, without a buffer for each. */
export class BytesBuilder {
  #buffer = Buffer.allocUnsafeSlow(1024);
  #size = 0;

  /** Appends an element: the text's UTF-8. */
  add(text: string): void {
    const start = this.#size + 4;
    // A code unit takes 3 bytes at most.
    this.#reserve(start + 3 * text.length);
    const length = this.#buffer.write(text, start);
    this.#buffer.writeUInt32LE(length, this.#size);
    this.#size = start + length;
  }

  /** What has been added, as a view on a buffer that is larger. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#size);
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}
