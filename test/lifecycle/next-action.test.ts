import { describe, expect, it } from 'vitest';
import {
  type Action,
  type AspiredSnapshot,
  type ModelSnapshot,
  nextAction,
  type RevisionSnapshot,
} from '#naiad/lifecycle/next-action.js';
import { MOVES, type RevisionState } from '#naiad/lifecycle/states.js';

/** `1a` = version 1 with content `a`; `!` behind it = it failed; `=` = it needs no sessions. */
function aspired(text: string): AspiredSnapshot[] {
  return words(text).map((word) => {
    const { version, fingerprint, rest } = parse(word);
    return { version, fingerprint, failed: rest.includes('!'), needsSessions: !rest.includes('=') };
  });
}

/** `1a:READY`; `+` behind it = kept. Ids count from 1. */
function revisions(text: string): RevisionSnapshot[] {
  return words(text).map((word, index) => {
    const [target = '', state = ''] = word.split(':');
    const { version, fingerprint } = parse(target);
    return {
      id: index + 1,
      version,
      fingerprint,
      state: state.replace('+', '') as RevisionState,
      keep: state.endsWith('+'),
    };
  });
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

function parse(word: string): { version: number; fingerprint: string; rest: string } {
  const [, version = '', fingerprint = '', rest = ''] = /^(\d+)([a-z]+)(.*)$/.exec(word) ?? [];
  return { version: Number(version), fingerprint: version + fingerprint, rest };
}

function told(action: Action | null): string {
  if (action === null) return 'nothing';
  if (action.kind === 'ask' || action.kind === 'yield') return action.kind;
  return action.kind === 'load' ? `load ${action.fingerprint}` : `${action.kind} #${action.revision}`;
}

function snapshot(
  wants: string,
  has: string,
  policy: ModelSnapshot['policy'],
  fallbacks: string,
  turn: ModelSnapshot['turn'] = 'none',
): ModelSnapshot {
  return { policy, aspired: aspired(wants), fallbacks: aspired(fallbacks), revisions: revisions(has), turn };
}

describe('nextAction, availability preserving', () => {
  it.each([
    // aspired, revisions, expected
    ['', '', 'nothing'],
    ['1a', '', 'load 1a'],
    ['1a', '1a:LOADING', 'nothing'],
    ['1a', '1a:STANDBY', 'publish #1'],
    ['1a', '1a:READY', 'nothing'],
    // The highest version first, one after the other.
    ['1a 3c 2b', '', 'load 3c'],
    ['1a 3c', '3c:LOADING', 'nothing'],
    ['1a 3c', '3c:READY', 'load 1a'],
    ['1a 3c!', '', 'load 1a'],
    // A new version: the old one stays until the new one is published.
    ['2b', '1a:READY', 'load 2b'],
    ['2b', '1a:READY 2b:LOADING', 'nothing'],
    ['2b', '1a:READY 2b:STANDBY', 'publish #2'],
    ['2b', '1a:READY 2b:READY', 'withdraw #1'],
    ['2b', '1a:DRAINING 2b:READY', 'nothing'],
    ['2b', '1a:STANDBY 2b:READY', 'unload #1'],
    ['2b', '1a:STANDBY+ 2b:READY', 'nothing'],
    ['2b', '1a:UNLOADING 2b:READY', 'nothing'],
    // The new version is no good: the old one stays.
    ['2b!', '1a:READY', 'nothing'],
    ['2b! 3c', '1a:READY 3c:READY', 'withdraw #1'],
    ['2b 3c', '1a:READY 3c:READY', 'load 2b'],
    // The same version with other content.
    ['1b', '1a:READY', 'load 1b'],
    ['1b', '1a:READY 1b:STANDBY', 'publish #2'],
    ['1b', '1a:DRAINING 1b:READY', 'nothing'],
    ['1b!', '1a:READY', 'nothing'],
    ['1b! 2c', '1a:READY 2c:READY', 'nothing'],
    // Back to what is still loaded.
    ['1a', '1a:DRAINING 1b:READY', 'publish #1'],
    ['1a', '1a:STANDBY+ 1b:READY', 'publish #1'],
    // Loaded for nothing.
    ['1a', '1b:STANDBY 1a:READY', 'unload #1'],
    ['1a', '1b:LOADING', 'nothing'],
    // Nothing is wanted any more.
    ['', '1a:READY', 'withdraw #1'],
    ['', '1a:DRAINING', 'nothing'],
    ['', '1a:STANDBY', 'unload #1'],
    ['', '1a:LOADING', 'nothing'],
    ['', '1a:READY 2b:STANDBY', 'withdraw #1'],
  ])('wants [%s], has [%s]: %s', (wants, has, expected) => {
    expect(told(nextAction(snapshot(wants, has, 'availability-preserving', '')))).toBe(expected);
  });
});

describe('nextAction, memory preserving', () => {
  it.each([
    // aspired, revisions, fallbacks, turn, expected
    ['1b', '1a:READY', '1a', 'held', 'withdraw #1'],
    ['1b', '1a:DRAINING', '1a', 'held', 'nothing'],
    ['1b', '1a:STANDBY', '1a', 'held', 'unload #1'],
    ['1b', '1a:STANDBY+', '1a', 'held', 'unload #1'],
    ['1b', '1a:UNLOADING', '1a', 'held', 'nothing'],
    ['1b', '', '1a', 'held', 'load 1b'],
    ['1b', '1b:LOADING', '1a', 'held', 'nothing'],
    ['1b', '1b:READY', '1b', 'held', 'yield'],
    ['1b', '1b:READY', '1b', 'none', 'nothing'],
    // Nothing makes room before its turn.
    ['1b', '1a:READY', '1a', 'none', 'ask'],
    ['1b', '1a:READY', '1a', 'waiting', 'nothing'],
    ['2c', '1a:READY', '1a', 'none', 'ask'],
    ['2c', '1a:READY', '1a', 'waiting', 'nothing'],
    ['1a', '1a:READY', '1a', 'waiting', 'yield'],
    ['', '1a:READY', '', 'waiting', 'yield'],
    // What finds room queues with its load.
    ['1b', '', '', 'none', 'load 1b'],
    ['1b', '', '1a', 'waiting', 'yield'],
    ['1b', '1b:LOADING', '1a', 'none', 'nothing'],
    // What replaces it is no good: back to what was served.
    ['1b!', '', '1a', 'held', 'load 1a'],
    ['1b!', '1a:STANDBY', '1a', 'held', 'publish #1'],
    ['1b!', '1a:READY', '1a', 'none', 'nothing'],
    ['1b!', '', '1a!', 'none', 'nothing'],
    ['2c!', '', '1a', 'held', 'load 1a'],
    ['1b! 2c', '2c:READY', '1a', 'held', 'load 1a'],
    // It needs no memory of its own: nothing has to go.
    ['1b=', '1a:READY', '1a', 'none', 'load 1b'],
    ['1b=', '1a:READY', '1a', 'held', 'yield'],
    ['1b=', '1a:READY 1b:STANDBY', '1a', 'none', 'publish #2'],
    // Another version makes room as well.
    ['2c', '1a:READY', '1a', 'held', 'withdraw #1'],
    // What gives its memory back has it still, whatever it is.
    ['1a', '1a:UNLOADING', '1a', 'held', 'nothing'],
    ['1a=', '1a:UNLOADING', '1a', 'none', 'load 1a'],
    // What needs no room is loaded first, and nothing has to go before it is.
    ['1b 2d=', '1a:READY 2c:READY', '1a 2c', 'none', 'load 2d'],
    ['1b 2d=', '1a:READY 2c:READY 2d:LOADING', '1a 2c', 'none', 'nothing'],
    ['1b 2d=', '1a:READY 2c:DRAINING 2d:READY', '1a 2d', 'held', 'withdraw #1'],
    // When nothing aspired is any good, all that was served comes back and nothing of it goes.
    ['1b!', '2c:READY', '1a! 2c', 'none', 'nothing'],
    ['1b!', '2c:READY', '1a 2c', 'none', 'load 1a'],
    ['2c! 3d!', '', '1a 2b', 'held', 'load 2b'],
    ['2c! 3d', '1a:READY 3d:READY', '1a 3d', 'none', 'withdraw #1'],
    // What stays as it is is left alone.
    ['1a 2c', '1a:READY', '1a', 'none', 'load 2c'],
    ['1a 2d', '1a:READY 2c:READY', '1a 2c', 'held', 'withdraw #2'],
  ] as const)('wants [%s], has [%s], served [%s], turn %s: %s', (wants, has, fallbacks, turn, expected) => {
    expect(told(nextAction(snapshot(wants, has, 'memory-preserving', fallbacks, turn)))).toBe(expected);
  });
});

describe('nextAction, step by step', () => {
  const NEXT: Partial<Record<Action['kind'], RevisionState>> = {
    withdraw: 'DRAINING',
    unload: 'UNLOADING',
  };
  const SETTLES: Partial<Record<RevisionState, RevisionState>> = {
    LOADING: 'STANDBY',
    DRAINING: 'STANDBY',
    UNLOADING: 'GONE',
  };

  it.each(['availability-preserving', 'memory-preserving'] as const)(
    '%s: leads from any state to the aspired one by legal moves, and ends',
    (policy) => {
      const turns: ModelSnapshot['turn'][] =
        policy === 'memory-preserving' ? ['none', 'waiting', 'held'] : ['none'];
      const states: RevisionState[] = ['LOADING', 'STANDBY', 'READY', 'DRAINING', 'UNLOADING'];
      for (const first of states) {
        for (const second of states) {
          for (const wants of ['', '1a', '1b', '2c', '1b 2c', '1a! 2c', '1b!']) {
            for (const turn of turns) {
              walk(snapshot(wants, `1a:${first} 1b:${second}`, policy, '1a', turn));
            }
          }
        }
      }
    },
  );

  function walk(start: ModelSnapshot): void {
    let model = start;
    let served = model.revisions.some(({ state }) => state === 'READY');
    for (let steps = 0; ; steps++) {
      expect(steps, JSON.stringify(start)).toBeLessThan(40);
      const action = nextAction(model);
      const moved = action === null ? settle(model) : perform(model, action);
      if (moved === null) break;
      model = moved;
      const isServed = model.revisions.some(({ state }) => state === 'READY');
      if (served && model.policy === 'availability-preserving' && model.aspired.length > 0) {
        expect(isServed, `unserved on the way from ${JSON.stringify(start)}`).toBe(true);
      }
      served = isServed;
    }
    const ready = model.revisions.filter(({ state }) => state === 'READY').map((r) => r.fingerprint);
    for (const target of model.aspired) if (!target.failed) expect(ready).toContain(target.fingerprint);
    if (model.aspired.length === 0) expect(model.revisions).toEqual([]);
    expect(model.revisions.every(({ state }) => state === 'READY')).toBe(true);
    expect(model.turn).toBe('none');
  }

  function perform(model: ModelSnapshot, action: Action): ModelSnapshot {
    if (action.kind === 'ask') return { ...model, turn: 'waiting' };
    if (action.kind === 'yield') return { ...model, turn: 'none' };
    if (action.kind === 'load') {
      const id = Math.max(0, ...model.revisions.map((revision) => revision.id)) + 1;
      const { version, fingerprint } = action;
      const added: RevisionSnapshot = { id, version, fingerprint, state: 'LOADING', keep: false };
      return { ...model, revisions: [...model.revisions, added] };
    }
    const subject = model.revisions.find(({ id }) => id === action.revision);
    return {
      ...model,
      revisions: model.revisions.map((revision) => {
        if (revision === subject) return move(revision, NEXT[action.kind] ?? 'READY');
        const replaced =
          action.kind === 'publish' && revision.state === 'READY' && revision.version === subject?.version;
        return replaced ? move(revision, 'DRAINING') : revision;
      }),
    };
  }

  /** What is under way ends, one at a time. */
  function settle(model: ModelSnapshot): ModelSnapshot | null {
    const pending = model.revisions.find(({ state }) => SETTLES[state] !== undefined);
    if (pending === undefined) return model.turn === 'waiting' ? { ...model, turn: 'held' } : null;
    const revisionsLeft = model.revisions
      .map((revision) =>
        revision === pending ? move(revision, SETTLES[revision.state] as RevisionState) : revision,
      )
      .filter(({ state }) => state !== 'GONE');
    return { ...model, revisions: revisionsLeft };
  }

  function move(revision: RevisionSnapshot, to: RevisionState): RevisionSnapshot {
    expect(MOVES[revision.state], `${revision.state} -> ${to}`).toContain(to);
    return { ...revision, state: to };
  }
});
