import { describe, expect, it } from 'vitest';
import { indexRows } from '#naiad/lifecycle/index-rows.js';
import type { RevisionState } from '#naiad/lifecycle/states.js';

describe('indexRows', () => {
  it.each<[string, Partial<Record<number, RevisionState[]>>, Record<number, string>, number[], string[]]>([
    ['nothing', {}, {}, [], []],
    ['aspired, not begun', {}, { 1: '' }, [], ['1 LOADING']],
    ['being loaded', { 1: ['LOADING'] }, { 1: '' }, [], ['1 LOADING']],
    ['loaded, about to be published', { 1: ['STANDBY'] }, { 1: '' }, [], ['1 LOADING']],
    ['served', { 1: ['READY'] }, { 1: '' }, [1], ['1 READY']],
    ['being replaced', { 1: ['READY', 'LOADING'] }, { 1: '' }, [1], ['1 READY']],
    ['replaced, the old one drains', { 1: ['DRAINING', 'READY'] }, { 1: '' }, [1], ['1 READY']],
    ['its replacement failed', { 1: ['READY'] }, { 1: 'broken' }, [1], ['1 READY: broken']],
    ['failed', {}, { 1: 'broken' }, [], ['1 UNAVAILABLE: broken']],
    ['failed and tried again', { 1: ['LOADING'] }, { 1: 'broken' }, [], ['1 LOADING']],
    [
      'a new version beside an old one',
      { 1: ['READY'], 2: ['LOADING'] },
      { 2: '' },
      [1],
      ['1 READY', '2 LOADING'],
    ],
    [
      'a new version that is no good',
      { 1: ['READY'] },
      { 2: 'broken' },
      [1],
      ['1 READY', '2 UNAVAILABLE: broken'],
    ],
    ['the old one goes', { 1: ['DRAINING'], 2: ['READY'] }, { 2: '' }, [1, 2], ['1 UNLOADING', '2 READY']],
    ['being unloaded', { 1: ['UNLOADING'] }, {}, [1], ['1 UNLOADING']],
    ['unloaded', {}, {}, [1], ['1 UNAVAILABLE: unloaded']],
    [
      'kept for a roll back',
      { 1: ['STANDBY'], 2: ['READY'] },
      { 2: '' },
      [1, 2],
      ['1 UNAVAILABLE: unloaded', '2 READY'],
    ],
    ['gone', { 1: ['GONE'] }, {}, [], []],
    ['ten comes after nine', { 10: ['READY'], 9: ['READY'] }, { 9: '', 10: '' }, [], ['9 READY', '10 READY']],
  ])('%s', (_, states, aspired, retired, expected) => {
    const revisions = Object.entries(states).flatMap(([version, all]) =>
      (all ?? []).map((state) => ({ version: Number(version), state })),
    );
    const rows = indexRows({
      revisions,
      aspired: Object.entries(aspired).map(([version, reason]) => ({ version: Number(version), reason })),
      retired,
    });
    expect(
      rows.map(({ version, state, reason }) => `${version} ${state}${reason === '' ? '' : `: ${reason}`}`),
    ).toEqual(expected);
  });
});
