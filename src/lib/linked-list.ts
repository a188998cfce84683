/** A place in a {@link LinkedList}; holds its value until it is removed. */
export interface ListNode<T> {
  readonly value: T;
  prev: ListNode<T> | null;
  next: ListNode<T> | null;
  list: LinkedList<T> | null;
}

/** First-in first-out list whose elements can also leave from the middle, each step O(1). */
export class LinkedList<T> implements Iterable<T> {
  #head: ListNode<T> | null = null;
  #tail: ListNode<T> | null = null;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get head(): ListNode<T> | null {
    return this.#head;
  }

  push(value: T): ListNode<T> {
    const node: ListNode<T> = { value, prev: this.#tail, next: null, list: this };
    if (this.#tail === null) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
    this.#length++;
    return node;
  }

  shift(): T | undefined {
    const node = this.#head;
    if (node === null) return undefined;
    this.remove(node);
    return node.value;
  }

  /** Removes `node`; returns false when it had left already. */
  remove(node: ListNode<T>): boolean {
    if (node.list !== this) return false;
    if (node.prev === null) this.#head = node.next;
    else node.prev.next = node.next;
    if (node.next === null) this.#tail = node.prev;
    else node.next.prev = node.prev;
    node.prev = node.next = node.list = null;
    this.#length--;
    return true;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let node = this.#head; node !== null; ) {
      const { value, next } = node;
      yield value;
      node = next;
    }
  }
}
