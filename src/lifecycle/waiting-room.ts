import { queueErrors, repositoryErrors } from '../errors/catalogue.js';
import type { Cancellation } from '../inference/request.js';
import type { Clock, Timer } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import { type Catalog, LATEST } from './catalog.js';

/** A request that has to wait. */
export interface WaitingRequest {
  readonly modelName: string;
  /** Monotonic; Infinity = none. */
  readonly deadlineNs: number;
  readonly cancellation: Cancellation;
}

/** Where requests wait for models that are replaced in place, a bounded number for a bounded time. */
export class WaitingRoom {
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, number>();

  constructor(catalog: Catalog, clock: Clock) {
    this.#catalog = catalog;
    this.#clock = clock;
  }

  /** Whether requests to a version of a model, or to {@link LATEST}, have to wait now. */
  isHeld(model: string, version: number): boolean {
    const entry = this.#catalog.entry(model);
    if (entry === undefined) return false;
    return version === LATEST ? entry.held : entry.heldVersions.includes(version);
  }

  /**
   * Resolves when the version is no longer held, which it may be again before the caller goes on. Rejects
   * with ServingError when that takes too long.
   */
  async wait({ modelName: model, deadlineNs, cancellation }: WaitingRequest, version: number): Promise<void> {
    const before = this.#waiting.get(model) ?? 0;
    if (before >= LIMITS.reloadWaitersMax) {
      throw repositoryErrors.reloadWaiters(model, LIMITS.reloadWaitersMax);
    }
    this.#waiting.set(model, before + 1);
    const endings: (() => void)[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        endings.push(
          this.#catalog.onChange(() => {
            if (!this.isHeld(model, version)) resolve();
          }),
          cancellation.onCancel(() => reject(queueErrors.cancelled())),
          cancelling(this.#deadline(deadlineNs, reject)),
          cancelling(
            this.#clock.setTimer(LIMITS.reloadWaitMs * 1e6, () => reject(repositoryErrors.reloadWait(model))),
          ),
        );
      });
    } finally {
      for (const end of endings) end();
      const left = (this.#waiting.get(model) ?? 1) - 1;
      if (left > 0) this.#waiting.set(model, left);
      else this.#waiting.delete(model);
    }
  }

  #deadline(deadlineNs: number, reject: (error: Error) => void): Timer | null {
    if (deadlineNs === Number.POSITIVE_INFINITY) return null;
    return this.#clock.setTimer(Math.max(0, deadlineNs - this.#clock.nowNs()), () =>
      reject(queueErrors.deadline()),
    );
  }
}

function cancelling(timer: Timer | null): () => void {
  return () => timer?.cancel();
}
