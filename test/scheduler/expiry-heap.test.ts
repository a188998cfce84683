import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Expiring, ExpiryHeap } from '#naiad/scheduler/expiry-heap.js';

const anItem = (expiryNs: number): Expiring => ({ expiryNs, heapIndex: -1 });

it('gives up its items nearest first, also after others left from the middle', () => {
  const operations = fc.array(fc.record({ expiryNs: fc.nat(50), removes: fc.option(fc.nat(100)) }));
  fc.assert(
    fc.property(operations, (steps) => {
      const heap = new ExpiryHeap<Expiring>();
      const inside: Expiring[] = [];
      for (const { expiryNs, removes } of steps) {
        const item = anItem(expiryNs);
        heap.add(item);
        inside.push(item);
        const leaving = removes === null ? undefined : inside.splice(removes % inside.length, 1)[0];
        if (leaving !== undefined) heap.remove(leaving);
      }
      const drained: number[] = [];
      for (let item = heap.nearest; item !== undefined; item = heap.nearest) {
        drained.push(item.expiryNs);
        heap.remove(item);
        expect(item.heapIndex).toBe(-1);
      }
      expect(drained).toEqual(inside.map(({ expiryNs }) => expiryNs).sort((a, b) => a - b));
    }),
  );
});

it('ignores what is not inside', () => {
  const heap = new ExpiryHeap<Expiring>();
  heap.add(anItem(1));
  heap.remove(anItem(2));
  expect(heap.length).toBe(1);
});
