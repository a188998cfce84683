import { LinkedList } from '../lib/linked-list.js';

/** A place in the order of answers. */
export interface Turn {
  deliver: (() => void) | null;
}

/** Lets batches end in any order and their answers out in the order in which the turns were taken. */
export class OrderedRelease {
  readonly #turns = new LinkedList<Turn>();

  take(): Turn {
    const turn: Turn = { deliver: null };
    this.#turns.push(turn);
    return turn;
  }

  /** Calls `deliver` once all earlier turns have been released, at once when they have. */
  release(turn: Turn, deliver: () => void): void {
    turn.deliver = deliver;
    for (let head = this.#turns.head; head?.value.deliver != null; head = this.#turns.head) {
      const ready = head.value.deliver;
      this.#turns.remove(head);
      ready();
    }
  }
}
