/**
 * Bounds how many loads run at the same time: as many as allowed, but one by one while requests are being
 * served, so that creating sessions does not take the processors from them.
 */
export class LoadGate {
  readonly #loadsMax: number;
  readonly #busy: () => boolean;
  readonly #waiting: { readonly begin: () => void }[] = [];
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
    let leave = (): void => {};
    await new Promise<void>((resolve) => {
      leave = this.ask(resolve);
    });
    try {
      return await load();
    } finally {
      leave();
    }
  }

  /** Calls `begin` when the turn has come. Returns how to give it back, or to wait for it no longer. */
  ask(begin: () => void): () => void {
    const place = { begin };
    this.#waiting.push(place);
    this.#admit();
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const index = this.#waiting.indexOf(place);
      if (index >= 0) this.#waiting.splice(index, 1);
      else this.#running--;
      this.#admit();
    };
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#running < this.limit) {
      this.#running++;
      this.#waiting.shift()?.begin();
    }
  }
}
