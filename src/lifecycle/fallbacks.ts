import type { Clock, Timer } from '../lib/clock.js';
import { retryDelayNs } from './retry-delay.js';
import type { Target } from './revision.js';

/** A target that was published once. */
export interface Fallback extends Target {
  /** It could not be loaded again, and is not to be tried now. */
  readonly failed: boolean;
}

interface Entry extends Target {
  failed: boolean;
  attempts: number;
  retry: Timer | null;
}

/** What was published of a model last, by version: it takes the place of what can't be served. */
export class Fallbacks {
  readonly #byVersion = new Map<number, Entry>();
  readonly #clock: Clock;
  readonly #onRetry: () => void;

  /** `onRetry` is called when something that failed is to be tried again. */
  constructor(clock: Clock, onRetry: () => void) {
    this.#clock = clock;
    this.#onRetry = onRetry;
  }

  get size(): number {
    return this.#byVersion.size;
  }

  get(version: number): Fallback | undefined {
    return this.#byVersion.get(version);
  }

  all(): Fallback[] {
    return [...this.#byVersion.values()];
  }

  /** A version has been published. */
  published({ generation, version }: Target): void {
    this.#remove(version.version);
    this.#byVersion.set(version.version, { generation, version, failed: false, attempts: 0, retry: null });
  }

  /** A target could not be loaded, which may be one of these; `retry` = it is to be tried until it can. */
  failed({ version: { version, fingerprint } }: Target, retry: boolean): void {
    const entry = this.#byVersion.get(version);
    if (entry === undefined || entry.version.fingerprint !== fingerprint) return;
    entry.failed = true;
    entry.retry?.cancel();
    entry.retry = null;
    if (!retry) return;
    entry.retry = this.#clock.setTimer(retryDelayNs(++entry.attempts), () => {
      entry.failed = false;
      entry.retry = null;
      this.#onRetry();
    });
  }

  /** What failed may be tried again now. */
  reopen(): void {
    for (const entry of this.#byVersion.values()) {
      entry.retry?.cancel();
      Object.assign(entry, { failed: false, attempts: 0, retry: null });
    }
  }

  /** Whether something that failed is going to be tried again. */
  get retries(): boolean {
    return [...this.#byVersion.values()].some(({ retry }) => retry !== null);
  }

  /** All but these versions are no longer needed. */
  retain(versions: readonly number[]): void {
    for (const version of [...this.#byVersion.keys()]) if (!versions.includes(version)) this.#remove(version);
  }

  #remove(version: number): void {
    this.#byVersion.get(version)?.retry?.cancel();
    this.#byVersion.delete(version);
  }
}
