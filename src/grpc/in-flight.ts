import { serverErrors } from '../errors/catalogue.js';

/** Bounds on everything that a door holds at one time. */
export interface InFlightLimits {
  readonly inFlightRequestsMax: number;
  readonly inFlightBytesMax: number;
}

/** Counts unanswered requests, and the bytes of all calls that have not ended; refuses what is too much. */
export class InFlight {
  readonly #limits: InFlightLimits;
  #requests = 0;
  #bytes = 0;

  constructor(limits: InFlightLimits) {
    this.#limits = limits;
  }

  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a request in; throws UNAVAILABLE and counts nothing when it is one too many. */
  enter(): void {
    const { inFlightRequestsMax } = this.#limits;
    if (this.#requests >= inFlightRequestsMax) throw serverErrors.inFlightRequests(inFlightRequestsMax);
    this.#requests++;
  }

  /** The request is answered. */
  leave(): void {
    this.#requests--;
  }

  /** Throws UNAVAILABLE and counts nothing when there is no room for `bytes` more. */
  hold(bytes: number): void {
    const { inFlightBytesMax } = this.#limits;
    if (this.#bytes + bytes > inFlightBytesMax) throw serverErrors.inFlightBytes(inFlightBytesMax);
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}
