/** Keeps what was read last, up to a number of bytes and always the very last, so that asking again is cheap. */
export class RecentReads {
  readonly #bytesMax: number;
  /** Oldest use first. */
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What was kept as `key`, or else what `read` gives. */
  get(key: string, read: () => Uint8Array): Uint8Array {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const data = read();
    this.#kept.set(key, data);
    this.#bytes += data.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= this.#bytesMax || oldest === key) break;
      this.#kept.delete(oldest);
      this.#bytes -= length;
    }
    return data;
  }
}
