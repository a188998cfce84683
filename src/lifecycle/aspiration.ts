import type { Timer } from '../lib/clock.js';
import type { Generation } from './generation.js';
import type { IndexRow } from './index-rows.js';

/** How an aspiration ended: `superseded` by a newer one before it was settled. */
export type AspireResult =
  | { readonly kind: 'served' }
  | { readonly kind: 'failed'; readonly versions: readonly Pick<IndexRow, 'version' | 'reason'>[] }
  | { readonly kind: 'superseded' };

interface Failure {
  readonly reason: string;
  readonly attempts: number;
  /** Runs until it is tried again. */
  retry: Timer | null;
  /** Whether it is to be tried again now. */
  open: boolean;
}

/** A generation that is to be served, and how far that has come. */
export class Aspiration {
  readonly generation: Generation;
  /** What led to it, for people. */
  readonly why: string;
  readonly #failures = new Map<number, Failure>();
  readonly #waiting: ((result: AspireResult) => void)[] = [];
  readonly #waitingForTry: (() => void)[] = [];
  #tried = false;
  #result: AspireResult | null = null;

  constructor(generation: Generation, why: string) {
    this.generation = generation;
    this.why = why;
  }

  /** Resolves when all versions are served or have failed for good, or something else is wanted. */
  settled(): Promise<AspireResult> {
    return new Promise((resolve) => {
      if (this.#result !== null) resolve(this.#result);
      else this.#waiting.push(resolve);
    });
  }

  /** Resolves when each version is served or has failed once, or something else is wanted. */
  tried(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#tried) resolve();
      else this.#waitingForTry.push(resolve);
    });
  }

  /** Each version is served or has failed once. */
  markTried(): void {
    this.#tried = true;
    for (const resolve of this.#waitingForTry.splice(0)) resolve();
  }

  settle(result: AspireResult): void {
    this.#result = result;
    this.markTried();
    for (const resolve of this.#waiting.splice(0)) resolve(result);
  }

  get isSettled(): boolean {
    return this.#result !== null;
  }

  /** Why a version can't be served; '' when nothing is known against it. */
  reason(version: number): string {
    return this.#failures.get(version)?.reason ?? '';
  }

  /** Whether a version failed and is not to be tried now. */
  failed(version: number): boolean {
    return this.#failures.get(version)?.open === false;
  }

  /** Whether a version failed and is going to be tried again. */
  retries(version: number): boolean {
    const failure = this.#failures.get(version);
    return failure !== undefined && (failure.open || failure.retry !== null);
  }

  /** How often a version has failed. */
  attempts(version: number): number {
    return this.#failures.get(version)?.attempts ?? 0;
  }

  fail(version: number, reason: string): void {
    this.#failures.set(version, { reason, attempts: this.attempts(version) + 1, retry: null, open: false });
  }

  succeed(version: number): void {
    this.#failures.delete(version);
  }

  /** Has a version that failed tried again when `timer` fires, which is to call {@link reopen}. */
  retryAt(version: number, timer: Timer): void {
    const failure = this.#failures.get(version);
    if (failure !== undefined) failure.retry = timer;
  }

  /** What failed may be tried again: one version, or all with the count of attempts begun anew. */
  reopen(version?: number): void {
    if (version === undefined) {
      this.cancelRetries();
      this.#failures.clear();
      this.#result = null;
      return;
    }
    const failure = this.#failures.get(version);
    if (failure === undefined) return;
    failure.retry = null;
    failure.open = true;
  }

  cancelRetries(): void {
    for (const failure of this.#failures.values()) {
      failure.retry?.cancel();
      failure.retry = null;
    }
  }
}
