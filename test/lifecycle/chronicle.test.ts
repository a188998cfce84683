import { beforeEach, describe, expect, it } from 'vitest';
import { Chronicle, type Occurrence } from '#naiad/lifecycle/chronicle.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordedLog } from '../support/recorded-log.js';

let clock: FakeClock;
let log: RecordedLog;
let chronicle: Chronicle;

beforeEach(() => {
  clock = new FakeClock();
  log = new RecordedLog();
  chronicle = new Chronicle({ log, clock });
});

function record(occurrence: Partial<Occurrence> = {}): void {
  chronicle.record({ model: 'm', version: 1, event: 'ready', why: '', ...occurrence });
}

describe('Chronicle', () => {
  it('remembers what happened, when and why, oldest first', async () => {
    record({ event: 'loading', why: 'load requested' });
    await clock.advance(1.5e9);
    record({ steps: [{ name: 'session', ms: 12.5 }] });
    record({ model: 'n', version: null, event: 'rejected', why: 'no configuration' });
    expect(chronicle.of('m')).toEqual([
      { atMs: 1_700_000_000_000, version: 1, event: 'loading', why: 'load requested', steps: [] },
      {
        atMs: 1_700_000_001_500,
        version: 1,
        event: 'ready',
        why: '',
        steps: [{ name: 'session', ms: 12.5 }],
      },
    ]);
    expect(chronicle.of('n')).toMatchObject([{ version: null, event: 'rejected' }]);
    expect(chronicle.of('unknown')).toEqual([]);
  });

  it('logs each event once, failures as errors and steps on the way for debugging', () => {
    record({ event: 'loading', why: 'load requested' });
    record({ text: "successfully loaded 'm' version 1", steps: [{ name: 'session', ms: 12 }] });
    record({ event: 'failed', why: 'broken' });
    record({ model: 'n', version: null, event: 'rejected', why: 'no configuration' });
    record({ event: 'unloaded' });
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "debug 'm' version 1 loading: load requested",
      "info successfully loaded 'm' version 1",
      "error 'm' version 1 failed: broken",
      "error 'n' rejected: no configuration",
      "info 'm' version 1 unloaded",
    ]);
    expect(log.lines[1]?.fields).toEqual({ model: 'm', version: 1, event: 'ready', steps: { session: 12 } });
    expect(log.lines[3]?.fields).toEqual({ model: 'n', event: 'rejected' });
  });

  it('forgets the oldest events of a model', () => {
    for (let index = 0; index < LIMITS.historyEntriesMax + 5; index++) record({ why: String(index) });
    const entries = chronicle.of('m');
    expect(entries).toHaveLength(LIMITS.historyEntriesMax);
    expect([entries[0]?.why, entries.at(-1)?.why]).toEqual(['5', String(LIMITS.historyEntriesMax + 4)]);
  });

  it('forgets the model that nothing has happened to for longest', () => {
    for (let index = 0; index < LIMITS.historyModelsMax; index++) record({ model: `m${index}` });
    record({ model: 'm0' });
    record({ model: 'one more' });
    expect(chronicle.of('m0')).toHaveLength(2);
    expect(chronicle.of('m1')).toEqual([]);
    expect(chronicle.of('m2')).toHaveLength(1);
  });
});
