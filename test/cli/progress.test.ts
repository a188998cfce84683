import { expect, it } from 'vitest';
import type { Io } from '#naiad/cli/io.js';
import { startProgress } from '#naiad/cli/progress.js';
import { progressText } from '#naiad/cli/progress-bar.js';
import type { Clock } from '#naiad/lib/clock.js';
import { FakeClock } from '../support/fake-clock.js';

function aTerminal(errIsTerminal: boolean): { io: Io; written: string[] } {
  const written: string[] = [];
  const io: Io = {
    out: () => {},
    err: (text) => written.push(text),
    outIsTerminal: errIsTerminal,
    errIsTerminal,
    columns: 80,
  };
  return { io, written };
}

it('says nothing in the first second', async () => {
  const { io, written } = aTerminal(true);
  const clock = new FakeClock();
  const progress = startProgress(io, clock);
  progress.show('working');
  await clock.advance(0.9e9);
  progress.end();
  await clock.advance(10e9);
  expect(written).toEqual([]);
  expect(clock.pendingTimers).toBe(0);
});

it('shows the newest text on one line and removes it', async () => {
  const { io, written } = aTerminal(true);
  const clock = new FakeClock();
  const progress = startProgress(io, clock);
  progress.show('one');
  progress.show('two');
  await clock.advance(1.5e9);
  progress.show('three');
  await clock.advance(1e9);
  progress.end();
  expect(written).toEqual(['\r\u001b[Ktwo', '\r\u001b[Kthree', '\r\u001b[K']);
});

it('says nothing where standard error is no terminal', async () => {
  const { io, written } = aTerminal(false);
  const clock = new FakeClock();
  const progress = startProgress(io, clock);
  progress.show('working');
  await clock.advance(10e9);
  progress.end();
  expect(written).toEqual([]);
});

it('shows what begins at once, since it may hold the thread and its timers', () => {
  const { io, written } = aTerminal(true);
  let nowNs = 0;
  const clock: Clock = {
    nowNs: () => nowNs,
    wallMs: () => 0,
    setTimer: () => ({ cancel: () => true }),
    afterTurn: () => {},
  };
  const progress = startProgress(io, clock);
  progress.show('short');
  nowNs = 1.2e9;
  progress.show('long');
  nowNs = 1.25e9;
  progress.show('too soon');
  nowNs = 1.5e9;
  progress.show('longer');
  expect(written).toEqual(['\r\u001b[Klong', '\r\u001b[Klonger']);
  progress.end();
});

it('has a bar for what is counted', () => {
  expect(progressText('calibrating', 32, 128)).toBe('calibrating [######------------------] 32 of 128');
  expect(progressText('reading', 0, 1)).toBe('reading');
});
