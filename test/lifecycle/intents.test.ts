import { beforeEach, describe, expect, it } from 'vitest';
import type { AspireResult } from '#naiad/lifecycle/aspiration.js';
import { Intents } from '#naiad/lifecycle/intents.js';
import { settled } from '../support/fake-clock.js';

const OUTDATED =
  'Newer operation has been applied to the model lifecycle, current load operation is out-dated.';

let intents: Intents;

beforeEach(() => {
  intents = new Intents();
});

/** A call whose work ends when the test says so. */
class Call {
  outcome = 'under way';
  isNewest: () => boolean = () => false;
  end: (result: AspireResult) => void = () => {};
  fail: (error: Error) => void = () => {};

  constructor(plain: boolean, name = 'm') {
    const done = intents.pursue(name, plain, (isNewest) => {
      this.isNewest = isNewest;
      return new Promise((resolve, reject) => {
        this.end = resolve;
        this.fail = reject;
      });
    });
    done.then(
      () => {
        this.outcome = 'done';
      },
      (error: Error) => {
        this.outcome = error.message;
      },
    );
  }
}

const served: AspireResult = { kind: 'served' };
const superseded: AspireResult = { kind: 'superseded' };

describe('Intents', () => {
  it('tells how a call ended, and forgets it', async () => {
    const good = new Call(true);
    expect([good.isNewest(), intents.has('m')]).toEqual([true, true]);
    good.end(served);
    await settled();
    expect([good.outcome, intents.has('m')]).toEqual(['done', false]);
    const failed = new Call(true);
    failed.end({ kind: 'failed', versions: [{ version: 1, reason: 'Internal: broken' }] });
    await settled();
    expect(failed.outcome).toBe(
      "load failed for model 'm': version 1 is at UNAVAILABLE state: Internal: broken;\n",
    );
    expect(intents.has('m')).toBe(false);
  });

  it.each([true, false])('forgets a call that could not be carried out, plain: %s', async (plain) => {
    const call = new Call(plain);
    call.fail(new Error('not in the repository'));
    await settled();
    expect([call.outcome, intents.has('m')]).toEqual(['not in the repository', false]);
  });

  it('tells the older of two that it is out of date', async () => {
    const older = new Call(false);
    const newer = new Call(false);
    expect([older.isNewest(), newer.isNewest()]).toEqual([false, true]);
    older.end(superseded);
    newer.end(served);
    await settled();
    expect([older.outcome, newer.outcome]).toEqual([OUTDATED, 'done']);
  });

  it('ends two loads of what lies in the repository in the same way', async () => {
    const older = new Call(true);
    const newer = new Call(true);
    older.end(superseded);
    await settled();
    expect(older.outcome).toBe('under way');
    newer.fail(new Error('broken'));
    await settled();
    expect([older.outcome, newer.outcome]).toEqual(['broken', 'broken']);
  });

  it('does so as well when the newer one has ended long before', async () => {
    const older = new Call(true);
    const newer = new Call(true);
    newer.end(served);
    await settled();
    expect(intents.has('m')).toBe(false);
    older.end(superseded);
    await settled();
    expect(older.outcome).toBe('done');
  });

  it('lets the newer load decide where the older one could not be carried out', async () => {
    const older = new Call(true);
    const newer = new Call(true);
    older.fail(new Error('its files changed'));
    newer.end(served);
    await settled();
    expect([older.outcome, newer.outcome]).toEqual(['done', 'done']);
  });

  it.each([
    [true, false],
    [false, true],
  ])('does not take loads of different things as the same: %s, %s', async (older, newer) => {
    const first = new Call(older);
    const second = new Call(newer);
    first.end(superseded);
    second.end(served);
    await settled();
    expect([first.outcome, second.outcome]).toEqual([OUTDATED, 'done']);
  });

  it('tells all that came before the newest', async () => {
    const calls = [new Call(true), new Call(true), new Call(false)];
    for (const call of calls.slice(0, 2)) call.end(superseded);
    calls[2]?.end(served);
    await settled();
    expect(calls.map(({ outcome }) => outcome)).toEqual([OUTDATED, OUTDATED, 'done']);
  });

  it('keeps what was done although something newer is wanted', async () => {
    const older = new Call(false);
    new Call(false);
    older.end(served);
    await settled();
    expect([older.outcome, intents.has('m')]).toEqual(['done', true]);
  });

  it('keeps models apart', () => {
    const one = new Call(false, 'm');
    new Call(false, 'n');
    expect(one.isNewest()).toBe(true);
  });
});
