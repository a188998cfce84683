import { describe, expect, it } from 'vitest';
import { Aspiration } from '#naiad/lifecycle/aspiration.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { aGeneration } from './generations.js';

const anAspiration = (): Aspiration => new Aspiration(aGeneration({ versions: { 1: 'a', 2: 'b' } }), 'test');

describe('Aspiration', () => {
  it('tells how it ended to those who waited and to those who ask later', async () => {
    const aspiration = anAspiration();
    const early = aspiration.settled();
    expect(aspiration.isSettled).toBe(false);
    aspiration.settle({ kind: 'served' });
    expect(aspiration.isSettled).toBe(true);
    expect(await early).toEqual({ kind: 'served' });
    expect(await aspiration.settled()).toEqual({ kind: 'served' });
  });

  it('remembers why a version failed, until it succeeds', () => {
    const aspiration = anAspiration();
    expect([aspiration.reason(1), aspiration.failed(1)]).toEqual(['', false]);
    aspiration.fail(1, 'broken');
    expect([aspiration.reason(1), aspiration.failed(1), aspiration.failed(2)]).toEqual([
      'broken',
      true,
      false,
    ]);
    aspiration.succeed(1);
    expect([aspiration.reason(1), aspiration.failed(1), aspiration.attempts(1)]).toEqual(['', false, 0]);
  });

  it('has a version tried again when its timer fires, the reason known still', async () => {
    const clock = new FakeClock();
    const aspiration = anAspiration();
    aspiration.fail(1, 'broken');
    expect(aspiration.retries(1)).toBe(false);
    aspiration.retryAt(
      1,
      clock.setTimer(1e9, () => aspiration.reopen(1)),
    );
    expect([aspiration.failed(1), aspiration.retries(1)]).toEqual([true, true]);
    await clock.advance(1e9);
    expect([aspiration.failed(1), aspiration.retries(1), aspiration.reason(1)]).toEqual([
      false,
      true,
      'broken',
    ]);
    aspiration.fail(1, 'broken again');
    expect([aspiration.attempts(1), aspiration.retries(1)]).toEqual([2, false]);
  });

  it('forgets all failures when it is opened again, and is not settled any more', async () => {
    const clock = new FakeClock();
    const aspiration = anAspiration();
    aspiration.fail(1, 'broken');
    aspiration.fail(2, 'broken');
    aspiration.retryAt(
      2,
      clock.setTimer(1e9, () => {}),
    );
    aspiration.settle({ kind: 'failed', versions: [] });
    aspiration.reopen();
    expect(clock.pendingTimers).toBe(0);
    expect([aspiration.failed(1), aspiration.attempts(1), aspiration.isSettled]).toEqual([false, 0, false]);
    let isOver = false;
    void aspiration.settled().then(() => {
      isOver = true;
    });
    await settled();
    expect(isOver).toBe(false);
  });

  it('cancels its retries', () => {
    const clock = new FakeClock();
    const aspiration = anAspiration();
    aspiration.fail(1, 'broken');
    aspiration.retryAt(
      1,
      clock.setTimer(1e9, () => {}),
    );
    aspiration.cancelRetries();
    expect([clock.pendingTimers, aspiration.retries(1)]).toEqual([0, false]);
  });

  it('ignores what never failed', () => {
    const clock = new FakeClock();
    const aspiration = anAspiration();
    aspiration.reopen(1);
    aspiration.retryAt(
      1,
      clock.setTimer(1e9, () => {}),
    );
    expect([aspiration.failed(1), aspiration.retries(1)]).toEqual([false, false]);
  });
});
