import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { shrinkHeap } from '#naiad/worker/shrink-heap.js';

describe('shrinkHeap', () => {
  it('collects what nobody holds any more, and nothing else', async () => {
    const held = { bytes: new Uint8Array(1 << 20) };
    const kept = new WeakRef(held.bytes);
    const dropped = new WeakRef(new Uint8Array(1 << 20));
    await nextTurn();
    await shrinkHeap();
    expect(dropped.deref()).toBeUndefined();
    expect(kept.deref()).toBe(held.bytes);
  });
});
