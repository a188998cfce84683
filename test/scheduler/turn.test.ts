import { describe, expect, it } from 'vitest';
import { Canceller } from '#naiad/inference/request.js';
import { FakeClock } from '../support/fake-clock.js';
import { dynamicBatching, outcome } from './builders.js';
import { aScheduler } from './harness.js';

const turns = () => new FakeClock({ holdsTurns: true });

describe('what arrives in one turn of the event loop', () => {
  it('runs as one batch', () => {
    const clock = turns();
    const { submit, executor } = aScheduler({ scheduling: dynamicBatching(), clock });
    submit();
    submit({ rows: 2 });
    expect(executor.runs).toHaveLength(0);
    clock.endTurn();
    expect(executor.batchSizes).toEqual([3]);
  });

  it('does not wait for the end of the turn once it fills a batch', () => {
    const { submit, executor } = aScheduler({
      scheduling: dynamicBatching(),
      maxBatchSize: 8,
      clock: turns(),
    });
    submit({ rows: 5 });
    submit({ rows: 3 });
    expect(executor.batchSizes).toEqual([8]);
  });

  it('runs at once without dynamic batching', () => {
    const { submit, executor } = aScheduler({ clock: turns() });
    submit();
    expect(executor.runs).toHaveLength(1);
  });

  it('is not run when it is cancelled in the same turn', () => {
    const clock = turns();
    const { submit, executor } = aScheduler({ scheduling: dynamicBatching(), clock });
    const cancellation = new Canceller();
    const job = submit({ cancellation });
    cancellation.cancel();
    clock.endTurn();
    expect(outcome(job)).toMatch(/^CANCELED/);
    expect(executor.runs).toHaveLength(0);
  });
});
