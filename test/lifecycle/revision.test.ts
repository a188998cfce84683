import { describe, expect, it } from 'vitest';
import type { LoadedRevision } from '#naiad/lifecycle/load-revision.js';
import { Revision } from '#naiad/lifecycle/revision.js';
import { MOVES, type RevisionState } from '#naiad/lifecycle/states.js';
import { FakeClock } from '../support/fake-clock.js';
import { aServingModel } from '../support/models.js';
import { aGeneration, aTarget } from './generations.js';

const loaded: LoadedRevision = {
  model: aServingModel(),
  instances: [],
  updated: false,
  warnings: [],
  steps: [],
};

/** The way to each state. */
const WAYS: Readonly<Record<RevisionState, readonly RevisionState[]>> = {
  LOADING: [],
  STANDBY: ['STANDBY'],
  READY: ['STANDBY', 'READY'],
  DRAINING: ['STANDBY', 'READY', 'DRAINING'],
  UNLOADING: ['STANDBY', 'UNLOADING'],
  GONE: ['GONE'],
};
const STATES = Object.keys(WAYS) as RevisionState[];

function inState(state: RevisionState): Revision {
  const revision = new Revision(aTarget());
  for (const next of WAYS[state]) {
    if (revision.state === 'LOADING' && next === 'STANDBY') revision.standBy(loaded);
    else revision.move(next);
  }
  return revision;
}

describe('Revision', () => {
  it.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))(
    'moves from %s to %s only if that is legal',
    (from, to) => {
      const revision = inState(from);
      if (MOVES[from].includes(to)) {
        revision.move(to);
        expect(revision.state).toBe(to);
      } else {
        expect(() => revision.move(to)).toThrow(`illegal move ${from} -> ${to}`);
        expect(revision.state).toBe(from);
      }
    },
  );

  it('has nothing loaded before it stands by', () => {
    expect(() => inState('LOADING').loaded).toThrow('is not loaded');
    expect(inState('STANDBY').loaded).toBe(loaded);
  });

  it('is kept until its timer is cancelled, or it does not stand by any more', () => {
    const clock = new FakeClock();
    const revision = inState('STANDBY');
    expect(revision.kept).toBe(false);
    revision.keepUntil(clock.setTimer(1e9, () => {}));
    expect([revision.kept, clock.pendingTimers]).toEqual([true, 1]);
    revision.letGo();
    expect([revision.kept, clock.pendingTimers]).toEqual([false, 0]);
    revision.keepUntil(clock.setTimer(1e9, () => {}));
    revision.move('READY');
    expect([revision.kept, clock.pendingTimers]).toEqual([false, 0]);
  });

  it('matches the same version of the same content, whatever generation it belongs to', () => {
    const revision = new Revision(aTarget(aGeneration({ versions: { 1: 'a' } })));
    expect(revision.matches(aTarget(aGeneration({ versions: { 1: 'a', 2: 'b' } })))).toBe(true);
    expect(revision.matches(aTarget(aGeneration({ versions: { 1: 'other' } })))).toBe(false);
    expect(revision.matches(aTarget(aGeneration({ versions: { 2: 'a' } }), 2))).toBe(false);
  });

  it('has a number of its own', () => {
    expect(inState('LOADING').id).not.toBe(inState('LOADING').id);
  });
});
