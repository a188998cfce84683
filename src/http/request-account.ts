import type { InFlight } from '../service/in-flight.js';

/**
 * What one request holds of its door, until both is true: it has been handled, and its answer has been
 * taken or nobody waits for it any more.
 */
export class RequestAccount {
  readonly #inFlight: InFlight;
  #held = 0;
  #isCounted = false;
  #open = 2;

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight;
  }

  /** Counts the request as inference. Throws UNAVAILABLE when it is one too many. */
  enter(): void {
    this.#inFlight.enter();
    this.#isCounted = true;
  }

  /** Counts memory. Throws UNAVAILABLE when the door has no more. */
  hold(bytes: number): void {
    this.#inFlight.hold(bytes);
    this.#held += bytes;
  }

  /** To be called once for each of the two. */
  settle(): void {
    this.#open--;
    if (this.#open > 0) return;
    this.#inFlight.release(this.#held);
    this.#held = 0;
    if (this.#isCounted) this.#inFlight.leave();
    this.#isCounted = false;
  }
}
