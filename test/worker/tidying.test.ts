import { describe, expect, it } from 'vitest';
import { Tidying, type TidyLane } from '#naiad/worker/tidying.js';
import { FakeClock } from '../support/fake-clock.js';

const SECOND_NS = 1e9;

/** A lane that takes so long to be tidied. */
class FakeLane implements TidyLane {
  asked = 0;
  isIdle = true;
  tidied = 0;
  readonly #take: () => Promise<void>;

  constructor(take: () => Promise<void> = async () => {}) {
    this.#take = take;
  }

  async tidy(): Promise<void> {
    this.tidied++;
    await this.#take();
  }
}

describe('a lane that has loaded something', () => {
  it('is tidied once, a second later', async () => {
    const clock = new FakeClock();
    const [tidying, lane] = [new Tidying(clock), new FakeLane()];
    tidying.want(lane);
    tidying.want(lane);
    await clock.advance(0.9 * SECOND_NS);
    expect(lane.tidied).toBe(0);
    await clock.advance(0.1 * SECOND_NS);
    expect(lane.tidied).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is tidied again when it has loaded again', async () => {
    const clock = new FakeClock();
    const [tidying, lane] = [new Tidying(clock), new FakeLane()];
    for (const times of [1, 2]) {
      tidying.want(lane);
      await clock.advance(SECOND_NS);
      expect(lane.tidied).toBe(times);
    }
  });

  it('is left alone while it is asked for something, and while it works', async () => {
    const clock = new FakeClock();
    const [tidying, lane] = [new Tidying(clock), new FakeLane()];
    tidying.want(lane);
    for (let second = 0; second < 3; second++) {
      lane.asked++;
      await clock.advance(SECOND_NS);
    }
    lane.isIdle = false;
    await clock.advance(3 * SECOND_NS);
    expect(lane.tidied).toBe(0);
    lane.isIdle = true;
    await clock.advance(SECOND_NS);
    expect(lane.tidied).toBe(1);
  });

  it('is forgotten when it has ended', async () => {
    const clock = new FakeClock();
    const [tidying, lane] = [new Tidying(clock), new FakeLane()];
    tidying.want(lane);
    tidying.forget(lane);
    await clock.advance(SECOND_NS);
    expect(lane.tidied).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('many lanes', () => {
  it('are tidied one at a time, in a tenth of the time', async () => {
    const clock = new FakeClock();
    const tidying = new Tidying(clock);
    let now = 0;
    let most = 0;
    const take = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => clock.setTimer(0.03 * SECOND_NS, resolve));
      now--;
    };
    const lanes = Array.from({ length: 10 }, () => new FakeLane(take));
    for (const lane of lanes) tidying.want(lane);
    const tidied = (): number => lanes.reduce((sum, lane) => sum + lane.tidied, 0);
    await clock.advance(1.9 * SECOND_NS);
    expect(tidied()).toBe(4);
    await clock.advance(5 * SECOND_NS);
    expect(lanes.map((lane) => lane.tidied)).toEqual(lanes.map(() => 1));
    expect(most).toBe(1);
  });
});
