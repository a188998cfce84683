import { beforeEach, describe, expect, it } from 'vitest';
import { Fallbacks } from '#naiad/lifecycle/fallbacks.js';
import { FakeClock } from '../support/fake-clock.js';
import { aGeneration, aTarget } from './generations.js';

const SECOND_NS = 1e9;
const generation = aGeneration({ versions: { 1: 'a', 2: 'b' } });
const first = aTarget(generation, 1);
const second = aTarget(generation, 2);

let clock: FakeClock;
let retries: number;
let fallbacks: Fallbacks;

beforeEach(() => {
  clock = new FakeClock();
  retries = 0;
  fallbacks = new Fallbacks(clock, () => retries++);
});

describe('Fallbacks', () => {
  it('knows what was published of each version last', () => {
    const newer = aTarget(aGeneration({ versions: { 1: 'newer' } }));
    fallbacks.published(first);
    fallbacks.published(second);
    fallbacks.published(newer);
    expect(fallbacks.size).toBe(2);
    expect(fallbacks.get(1)).toMatchObject({ version: newer.version, failed: false });
    expect(fallbacks.all().map(({ version }) => version.version)).toEqual([2, 1]);
    fallbacks.retain([1]);
    expect([fallbacks.get(1)?.version, fallbacks.get(2)]).toEqual([newer.version, undefined]);
  });

  it('has what failed tried again with growing pauses', async () => {
    fallbacks.published(first);
    for (const seconds of [1, 2, 4]) {
      fallbacks.failed(first, true);
      expect([fallbacks.get(1)?.failed, fallbacks.retries]).toEqual([true, true]);
      await clock.advance(seconds * SECOND_NS - 1);
      expect(fallbacks.get(1)?.failed).toBe(true);
      await clock.advance(1);
      expect([fallbacks.get(1)?.failed, fallbacks.retries]).toEqual([false, false]);
    }
    expect(retries).toBe(3);
  });

  it('leaves what failed alone where it is not missed, until it is asked for again', async () => {
    fallbacks.published(first);
    fallbacks.failed(first, false);
    await clock.advance(3600 * SECOND_NS);
    expect([fallbacks.get(1)?.failed, fallbacks.retries, retries]).toEqual([true, false, 0]);
    fallbacks.reopen();
    expect(fallbacks.get(1)?.failed).toBe(false);
  });

  it('takes the failure of other content as none of its own', () => {
    fallbacks.published(first);
    fallbacks.failed(aTarget(aGeneration({ versions: { 1: 'other' } })), true);
    fallbacks.failed(second, true);
    expect([fallbacks.get(1)?.failed, clock.pendingTimers]).toEqual([false, 0]);
  });

  it.each([
    ['published again', () => fallbacks.published(first)],
    ['not needed any more', () => fallbacks.retain([])],
    ['asked for again', () => fallbacks.reopen()],
  ])('leaves no timer behind when it is %s', (_, end) => {
    fallbacks.published(first);
    fallbacks.failed(first, true);
    fallbacks.failed(first, true);
    expect(clock.pendingTimers).toBe(1);
    end();
    expect(clock.pendingTimers).toBe(0);
  });
});
