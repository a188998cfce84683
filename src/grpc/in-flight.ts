import { serverErrors } from '../errors/catalogue.js';

/** Bounds on everything that is unanswered at one time. */
export interface InFlightLimits {
  readonly inFlightRequestsMax: number;
  readonly inFlightBytesMax: number;
}

/** Counts unanswered requests and their bytes; refuses what would exceed the limits. */
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

  /** Takes a request in; throws UNAVAILABLE and counts nothing when it does not fit. */
  enter(bytes: number): void {
    const { inFlightRequestsMax, inFlightBytesMax } = this.#limits;
    if (this.#requests >= inFlightRequestsMax) throw serverErrors.inFlightRequests(inFlightRequestsMax);
    if (this.#bytes + bytes > inFlightBytesMax) throw serverErrors.inFlightBytes(inFlightBytesMax);
    this.#requests++;
    this.#bytes += bytes;
  }

  /** The request is answered. */
  leave(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
  }
}
