/**
 * Bounds how many loads run at the same time: as many as allowed, but one by one while requests are being
 * served, so that creating sessions does not take the processors from them.
 */
export class LoadGate {
  readonly #loadsMax: number;
  readonly #busy: () => boolean;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param busy whether requests are being served */
  constructor(loadsMax: number, busy: () => boolean) {
    this.#loadsMax = loadsMax;
    this.#busy = busy;
  }

  /** Loads that may run at the same time now. */
  get limit(): number {
    return this.#busy() ? 1 : this.#loadsMax;
  }

  /** Runs `load` when its turn has come, in the order of the calls. */
  async run<T>(load: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#admit();
    });
    try {
      return await load();
    } finally {
      this.#running--;
      this.#admit();
    }
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#running < this.limit) {
      this.#running++;
      this.#waiting.shift()?.();
    }
  }
}
