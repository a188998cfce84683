/** Something that expires; `heapIndex` belongs to the heap and is -1 outside it. */
export interface Expiring {
  readonly expiryNs: number;
  heapIndex: number;
}

/** Binary heap by expiry, nearest first; elements may leave from the middle. Each step O(log n). */
export class ExpiryHeap<T extends Expiring> {
  readonly #items: T[] = [];

  get length(): number {
    return this.#items.length;
  }

  get nearest(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Removes `item`; nothing happens when it is not in the heap. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    const parent = this.#items[(index - 1) >> 1];
    if (index > 0 && parent !== undefined && last.expiryNs < parent.expiryNs) this.#rise(last, index);
    else this.#sink(last, index);
  }

  #rise(item: T, from: number): void {
    const items = this.#items;
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = items[parentIndex] as T;
      if (parent.expiryNs <= item.expiryNs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #sink(item: T, from: number): void {
    const items = this.#items;
    let index = from;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = items[childIndex];
      if (child === undefined) break;
      const right = items[childIndex + 1];
      if (right !== undefined && right.expiryNs < child.expiryNs) {
        child = right;
        childIndex++;
      }
      if (item.expiryNs <= child.expiryNs) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #place(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }
}
