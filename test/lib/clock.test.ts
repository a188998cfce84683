import { describe, expect, it } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';

const fired = (delayNs: number): Promise<number> =>
  new Promise((resolve) => {
    const startNs = systemClock.nowNs();
    systemClock.setTimer(delayNs, () => resolve(systemClock.nowNs() - startNs));
  });

/** Long enough for a timer that should not fire to give itself away. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe('systemClock', () => {
  it.each([0, 100_000, 2_000_000])('never fires before %d ns have passed', async (delayNs) => {
    expect(await fired(delayNs)).toBeGreaterThanOrEqual(delayNs);
  });

  it.each([100_000, 2_000_000])('does not fire after a cancel (%d ns)', async (delayNs) => {
    let count = 0;
    systemClock.setTimer(delayNs, () => count++).cancel();
    await aWhile();
    expect(count).toBe(0);
  });

  it('does not fire at once when the delay is longer than setTimeout counts', async () => {
    let count = 0;
    const timer = systemClock.setTimer(60 * 86_400 * 1e9, () => count++);
    await aWhile();
    expect(count).toBe(0);
    timer.cancel();
  });
});
