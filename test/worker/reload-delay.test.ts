import { describe, expect, it } from 'vitest';
import { ReloadDelay } from '#naiad/worker/reload-delay.js';

describe('ReloadDelay', () => {
  it('doubles from 100 ms up to 10 s', () => {
    const delay = new ReloadDelay();
    let nowNs = 0;
    const delaysMs = Array.from({ length: 9 }, () => {
      const delayNs = delay.next(nowNs);
      nowNs += delayNs;
      return delayNs / 1e6;
    });
    expect(delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  it('starts again after a minute without a loss', () => {
    const delay = new ReloadDelay();
    expect([delay.next(0), delay.next(1e9)]).toEqual([100e6, 200e6]);
    expect(delay.next(60e9)).toBe(400e6);
    expect(delay.next(60.4e9 + 60e9 + 1)).toBe(100e6);
  });
});
