import { LinkedList, type ListNode } from '../lib/linked-list.js';

/** A request's place in the order of a stream's answers. */
export interface Place {
  /** null when its answers wait for nobody's. */
  node: ListNode<Place> | null;
  /** Answers that came before the place's turn. */
  readonly parked: (() => void)[];
  hasEnded: boolean;
}

/**
 * Lets the requests of a stream be computed in any order and their answers out in the order of the
 * requests, except for those that have left the order.
 */
export class StreamOrder {
  readonly #places = new LinkedList<Place>();

  /** The place behind all others. */
  enter(): Place {
    const place: Place = { node: null, parked: [], hasEnded: false };
    place.node = this.#places.push(place);
    return place;
  }

  /** Nothing waits for `place` any more, and it waits for nothing; nothing may have been written yet. */
  leave(place: Place): void {
    this.#remove(place);
    this.#advance();
  }

  /** Calls `write` once all earlier places have ended, at once when they have. */
  write(place: Place, write: () => void): void {
    if (place.node === null || place.node === this.#places.head) write();
    else place.parked.push(write);
  }

  /** No further answer comes of `place`. */
  end(place: Place): void {
    place.hasEnded = true;
    if (place.node === this.#places.head) this.leave(place);
  }

  #remove(place: Place): void {
    if (place.node !== null) this.#places.remove(place.node);
    place.node = null;
  }

  /** Writes what was waiting for the places before it. */
  #advance(): void {
    for (let head = this.#places.head?.value; head !== undefined; head = this.#places.head?.value) {
      for (const write of head.parked.splice(0)) write();
      if (!head.hasEnded) return;
      this.#remove(head);
    }
  }
}
