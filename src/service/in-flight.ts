import { serverErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';

/** Bounds on everything that a door holds at one time. */
export interface InFlightLimits {
  readonly inFlightRequestsMax: number;
  readonly inFlightBytesMax: number;
}

/** Counts inference requests whose answer is not with the client, and the bytes of all calls that have not ended; refuses what is too much. */
export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #onRefused: (reason: string) => void;
  #requests = 0;
  #bytes = 0;
  readonly #idle: (() => void)[] = [];

  /** @param onRefused told why, of each request that is refused here */
  constructor(limits: InFlightLimits, onRefused: (reason: string) => void = () => {}) {
    this.#limits = limits;
    this.#onRefused = onRefused;
  }

  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Notes that a request is refused with `error`, and returns that. */
  refused(error: ServingError): ServingError {
    this.#onRefused(error.reason);
    return error;
  }

  /** Takes a request in; throws UNAVAILABLE and counts nothing when it is one too many. */
  enter(): void {
    const { inFlightRequestsMax } = this.#limits;
    if (this.#requests >= inFlightRequestsMax) {
      throw this.refused(serverErrors.inFlightRequests(inFlightRequestsMax));
    }
    this.#requests++;
  }

  /** The request's call has ended. */
  leave(): void {
    this.#requests--;
    if (this.#requests === 0) for (const wake of this.#idle.splice(0)) wake();
  }

  /** Resolves when no request is left. */
  idle(): Promise<void> {
    return this.#requests === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Throws UNAVAILABLE and counts nothing when there is no room for `bytes` more. */
  hold(bytes: number): void {
    const { inFlightBytesMax } = this.#limits;
    if (this.#bytes + bytes > inFlightBytesMax) {
      throw this.refused(serverErrors.inFlightBytes(inFlightBytesMax));
    }
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
