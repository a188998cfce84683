import { beforeEach, describe, expect, it } from 'vitest';
import { Canceller } from '#naiad/inference/request.js';
import { Catalog, LATEST } from '#naiad/lifecycle/catalog.js';
import { WaitingRoom } from '#naiad/lifecycle/waiting-room.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { FakeClock, settled } from '../support/fake-clock.js';

const SECOND_NS = 1e9;

let clock: FakeClock;
let catalog: Catalog;
let room: WaitingRoom;

beforeEach(() => {
  clock = new FakeClock();
  catalog = new Catalog();
  room = new WaitingRoom(catalog, clock);
});

function hold(held: boolean, heldVersions: readonly number[] = []): void {
  catalog.update('m', { reason: '', required: true, held, heldVersions, versions: [] });
}

/** Waits, and tells how that ended. */
function wait({ version = LATEST, deadlineNs = Number.POSITIVE_INFINITY, canceller = new Canceller() } = {}) {
  const waiting = { outcome: 'waits' };
  room.wait({ modelName: 'm', deadlineNs, cancellation: canceller }, version).then(
    () => {
      waiting.outcome = 'goes on';
    },
    (error: Error) => {
      waiting.outcome = `${'code' in error ? error.code : ''} ${error.message}`;
    },
  );
  return waiting;
}

describe('WaitingRoom', () => {
  it('holds requests to the model as a whole apart from those to a version', () => {
    expect(room.isHeld('m', LATEST)).toBe(false);
    hold(true);
    expect([room.isHeld('m', LATEST), room.isHeld('m', 1)]).toEqual([true, false]);
    hold(false, [1]);
    expect([room.isHeld('m', LATEST), room.isHeld('m', 1), room.isHeld('m', 2)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('lets requests go on when what they wait for is held no longer', async () => {
    hold(true, [1]);
    const latest = wait();
    const version = wait({ version: 1 });
    hold(false, [1]);
    await settled();
    expect([latest.outcome, version.outcome]).toEqual(['goes on', 'waits']);
    hold(false);
    await settled();
    expect(version.outcome).toBe('goes on');
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets requests go on when their model is forgotten', async () => {
    hold(true);
    const waiting = wait();
    catalog.forget('m');
    await settled();
    expect(waiting.outcome).toBe('goes on');
  });

  it('refuses those that wait too long', async () => {
    hold(true);
    const waiting = wait();
    await clock.advance(LIMITS.reloadWaitMs * 1e6 - 1);
    expect(waiting.outcome).toBe('waits');
    await clock.advance(1);
    expect(waiting.outcome).toBe(
      "UNAVAILABLE model 'm' is being reloaded, the request waited too long for it",
    );
    expect(clock.pendingTimers).toBe(0);
  });

  it('refuses at the deadline of a request', async () => {
    hold(true);
    const waiting = wait({ deadlineNs: clock.nowNs() + SECOND_NS });
    const late = wait({ deadlineNs: clock.nowNs() - SECOND_NS });
    await clock.advance(0);
    expect([waiting.outcome, late.outcome.split(' ')[0]]).toEqual(['waits', 'DEADLINE_EXCEEDED']);
    await clock.advance(SECOND_NS);
    expect(waiting.outcome).toMatch(/^DEADLINE_EXCEEDED /);
    expect(clock.pendingTimers).toBe(0);
  });

  it('lets those go that have been cancelled', async () => {
    hold(true);
    const canceller = new Canceller();
    const waiting = wait({ canceller });
    canceller.cancel();
    await settled();
    expect(waiting.outcome).toBe('CANCELLED ');
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes a bounded number, and others when some have gone', async () => {
    hold(true);
    const canceller = new Canceller();
    wait({ canceller });
    for (let index = 1; index < LIMITS.reloadWaitersMax; index++) wait();
    const refused = wait();
    await settled();
    expect(refused.outcome).toBe(
      `UNAVAILABLE model 'm' is being reloaded, ${LIMITS.reloadWaitersMax} requests wait for it already`,
    );
    canceller.cancel();
    await settled();
    const taken = wait();
    await settled();
    expect(taken.outcome).toBe('waits');
    hold(false);
    await settled();
    expect(taken.outcome).toBe('goes on');
    expect(clock.pendingTimers).toBe(0);
  });
});
