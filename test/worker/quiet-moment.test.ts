import { describe, expect, it } from 'vitest';
import { QuietMoment } from '#naiad/worker/quiet-moment.js';
import { FakeClock } from '../support/fake-clock.js';

function aMoment(): { clock: FakeClock; moment: QuietMoment; acted: () => number } {
  const clock = new FakeClock();
  let times = 0;
  return { clock, moment: new QuietMoment(clock, () => times++), acted: () => times };
}

describe('QuietMoment', () => {
  it('acts a second after it was wanted, once', async () => {
    const { clock, moment, acted } = aMoment();
    moment.want();
    moment.want();
    await clock.advance(0.9e9);
    expect(acted()).toBe(0);
    await clock.advance(0.1e9);
    expect(acted()).toBe(1);
    await clock.advance(10e9);
    expect(acted()).toBe(1);
  });

  it('waits for a second in which nothing happens', async () => {
    const { clock, moment, acted } = aMoment();
    moment.want();
    for (let second = 0; second < 5; second++) {
      await clock.advance(0.5e9);
      moment.disturb();
      await clock.advance(0.5e9);
    }
    expect(acted()).toBe(0);
    await clock.advance(1e9);
    expect(acted()).toBe(1);
  });

  it('acts again when it is wanted again, and not because something happens', async () => {
    const { clock, moment, acted } = aMoment();
    moment.want();
    await clock.advance(1e9);
    moment.disturb();
    await clock.advance(5e9);
    expect(acted()).toBe(1);
    moment.want();
    await clock.advance(1e9);
    expect(acted()).toBe(2);
  });
});
