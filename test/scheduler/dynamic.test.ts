import { describe, expect, it } from 'vitest';
import { Canceller } from '#naiad/inference/request.js';
import { settled } from '../support/fake-clock.js';
import {
  anInput,
  answer,
  aQueuePolicy,
  dynamicBatching,
  int32Tensor,
  int32Values,
  outcome,
  type TestJob,
} from './builders.js';
import { aScheduler, type Harness } from './harness.js';

const EXPIRED = 'REJECTED UNAVAILABLE Request timeout expired';

/** Submits a job with one row of the given value. */
function submitValue({ submit }: Harness, value: number, priority = 0): TestJob {
  return submit({ priority, inputs: [int32Tensor('IN', [1, 1], [value])] });
}

function runningValues({ executor }: Harness): number[] {
  return executor.current.batch.inputs.flatMap(int32Values);
}

async function finishRun({ executor }: Harness): Promise<void> {
  executor.current.answer(undefined, 1e9);
  await settled();
}

describe('dynamic batching', () => {
  it('runs a lone job at once and lets the others grow into the next batch', async () => {
    const harness = aScheduler({ scheduling: dynamicBatching() });
    const jobs = [1, 2, 3, 4].map((value) => submitValue(harness, value));
    expect(harness.executor.batchSizes).toEqual([1]);
    await finishRun(harness);
    await finishRun(harness);
    expect(harness.executor.batchSizes).toEqual([1, 3]);
    expect(jobs.map((job) => answer(job).flatMap(int32Values))).toEqual([[1], [2], [3], [4]]);
  });

  it('waits for the configured delay, and no longer than for a preferred batch', async () => {
    const { clock, executor, submit } = aScheduler({
      scheduling: dynamicBatching({ preferredBatchSizes: [3], queueDelayUsMax: 100 }),
    });
    submit();
    await clock.advance(60_000);
    submit();
    await clock.advance(39_999);
    expect(executor.batchSizes).toEqual([]);
    await clock.advance(1);
    expect(executor.batchSizes).toEqual([2]);
    executor.current.answer();
    await settled();
    submit({ rows: 2 });
    expect(executor.batchSizes).toEqual([2]);
    submit();
    expect(executor.batchSizes).toEqual([2, 3]);
  });

  it('looks again when a job that stood in the way of a preferred batch is cancelled', () => {
    const { executor, submit } = aScheduler({
      scheduling: dynamicBatching({ preferredBatchSizes: [4, 8], queueDelayUsMax: 100 }),
    });
    const canceller = new Canceller();
    submit({ rows: 2 });
    submit({ rows: 3, cancellation: canceller });
    submit({ rows: 2 });
    expect(executor.batchSizes).toEqual([]);
    canceller.cancel();
    expect(executor.batchSizes).toEqual([4]);
  });

  it('does not wait for more once it is being drained', () => {
    const { executor, submit, scheduler } = aScheduler({
      scheduling: dynamicBatching({ queueDelayUsMax: 1e6 }),
    });
    submit();
    void scheduler.drain();
    expect(executor.batchSizes).toEqual([1]);
  });

  it('hands over early only a batch that cannot grow', async () => {
    const { executor, submit } = aScheduler({ scheduling: dynamicBatching({ preferredBatchSizes: [4] }) });
    submit();
    executor.current.answer(undefined, 50_000);
    await settled();
    submit();
    for (let count = 0; count < 3; count++) submit();
    expect(executor.batchSizes).toEqual([1, 1]);
    submit();
    expect(executor.batchSizes).toEqual([1, 1, 4]);
    for (let count = 0; count < 8; count++) submit();
    expect(executor.batchSizes).toEqual([1, 1, 4]);
  });

  it.each([
    ['priorities', { priorityLevels: 2, defaultPriorityLevel: 2 }],
    ['a timeout', { defaultQueuePolicy: aQueuePolicy({ defaultTimeoutUs: 1e6 }) }],
    ['timeouts of requests', { defaultQueuePolicy: aQueuePolicy({ allowTimeoutOverride: true }) }],
    ['a bound of the queue', { defaultQueuePolicy: aQueuePolicy({ queueRequestsMax: 9 }) }],
  ])('hands nothing over early under %s', async (_, overrides) => {
    const { executor, submit } = aScheduler({
      scheduling: dynamicBatching({ preferredBatchSizes: [1], ...overrides }),
    });
    submit();
    executor.current.answer(undefined, 50_000);
    await settled();
    submit();
    submit();
    expect(executor.runs).toHaveLength(1);
  });

  it('keeps jobs of different shapes apart, in order', async () => {
    const { executor, submit } = aScheduler({
      scheduling: dynamicBatching(),
      inputs: [anInput({ dims: [-1] })],
    });
    const widths = [1, 1, 1, 2, 2, 1];
    for (const width of widths) submit({ inputs: [int32Tensor('IN', [1, width], new Array(width).fill(0))] });
    const shapes: (readonly number[] | undefined)[] = [];
    while (executor.runs.length > 0) {
      shapes.push(executor.current.batch.inputs[0]?.shape);
      executor.current.answer(undefined, 1e9);
      await settled();
    }
    expect(shapes).toEqual([
      [1, 1],
      [2, 1],
      [2, 2],
      [1, 1],
    ]);
  });

  it('fails the batch whose output does not have its rows, naming the output', async () => {
    const { executor, submit } = aScheduler({ scheduling: dynamicBatching() });
    const jobs = [submit(), submit(), submit()];
    executor.current.answer();
    await settled();
    executor.current.answer([int32Tensor('IN', [3, 1], [1, 2, 3])]);
    await settled();
    const error =
      "BACKEND INTERNAL output 'IN' of model 'm' has shape [3,1], expected 2 as its first dimension: the model's batch has that many rows";
    expect(jobs.map(outcome)).toEqual(['answered', error, error]);
  });
});

describe('priorities', () => {
  const priorities = dynamicBatching({
    preferredBatchSizes: [2],
    priorityLevels: 3,
    defaultPriorityLevel: 2,
  });

  it('serves higher levels first, unknown ones as the default', async () => {
    const harness = aScheduler({ scheduling: priorities });
    submitValue(harness, 0);
    const submitted: [value: number, priority: number][] = [
      [30, 3],
      [20, 2],
      [21, 0],
      [22, 4],
      [10, 1],
    ];
    for (const [value, priority] of submitted) submitValue(harness, value, priority);
    const order: number[][] = [];
    while (harness.executor.runs.length > 0) {
      order.push(runningValues(harness));
      await finishRun(harness);
    }
    expect(order).toEqual([[0], [10, 20], [21, 22], [30]]);
  });

  it('lets a higher arrival into a batch that is still waiting', () => {
    const harness = aScheduler({ scheduling: { ...priorities, queueDelayUsMax: 100 } });
    submitValue(harness, 30, 3);
    submitValue(harness, 10, 1);
    expect(runningValues(harness)).toEqual([10, 30]);
  });

  it('applies the queue policy of each level', () => {
    const { submit } = aScheduler({
      scheduling: {
        ...priorities,
        defaultQueuePolicy: aQueuePolicy({ queueRequestsMax: 1 }),
        priorityQueuePolicies: new Map([[1, aQueuePolicy({ queueRequestsMax: 2 })]]),
      },
    });
    submit();
    const full = 'OTHER UNAVAILABLE [request id: test] Exceeds maximum queue size';
    const jobs = [1, 1, 1, 2, 2, 3].map((priority) => submit({ priority }));
    expect(jobs.map(outcome)).toEqual(['pending', 'pending', full, 'pending', full, 'pending']);
  });
});

describe('queue policy', () => {
  const withPolicy = (overrides: Parameters<typeof aQueuePolicy>[0]): Harness =>
    aScheduler({
      scheduling: dynamicBatching({ preferredBatchSizes: [1], defaultQueuePolicy: aQueuePolicy(overrides) }),
    });

  it('REJECT answers a waiting job when its time is over, not when it would be its turn', async () => {
    const { submit, clock, executor } = withPolicy({ defaultTimeoutUs: 10 });
    const running = submit();
    const waiting = submit();
    await clock.advance(9999);
    expect(outcome(waiting)).toBe('pending');
    await clock.advance(1);
    expect(outcome(waiting)).toBe(EXPIRED);
    executor.current.answer();
    await settled();
    expect(outcome(running)).toBe('answered');
    expect(executor.runs).toHaveLength(0);
  });

  it('DELAY puts an expired job behind those in time', async () => {
    const harness = withPolicy({ defaultTimeoutUs: 10, timeoutAction: 'DELAY' });
    submitValue(harness, 0);
    submitValue(harness, 1);
    await harness.clock.advance(10_000);
    submitValue(harness, 2);
    const order: number[][] = [];
    while (harness.executor.runs.length > 0) {
      order.push(runningValues(harness));
      await finishRun(harness);
    }
    expect(order).toEqual([[0], [2], [1]]);
  });

  it("DELAY still ends at the client's own deadline", async () => {
    const { submit, clock } = withPolicy({ defaultTimeoutUs: 10, timeoutAction: 'DELAY' });
    submit();
    const job = submit({ deadlineNs: clock.nowNs() + 30_000 });
    await clock.advance(29_999);
    expect(outcome(job)).toBe('pending');
    await clock.advance(1);
    expect(outcome(job)).toContain('DEADLINE_EXCEEDED');
  });

  it('DELAY of a job on a high level does not put it behind lower levels', async () => {
    const harness = aScheduler({
      scheduling: dynamicBatching({
        preferredBatchSizes: [1],
        priorityLevels: 2,
        defaultPriorityLevel: 2,
        priorityQueuePolicies: new Map([[1, aQueuePolicy({ defaultTimeoutUs: 10, timeoutAction: 'DELAY' })]]),
      }),
    });
    for (const [value, priority] of [
      [0, 1],
      [1, 1],
      [2, 2],
    ] as const) {
      submitValue(harness, value, priority);
    }
    await harness.clock.advance(10_000);
    await finishRun(harness);
    expect(runningValues(harness)).toEqual([1]);
  });

  it('the earlier of deadline and timeout decides the error', async () => {
    const { submit, clock } = withPolicy({ defaultTimeoutUs: 10 });
    submit();
    const early = submit({ deadlineNs: clock.nowNs() + 9000 });
    const late = submit({ deadlineNs: clock.nowNs() + 11_000 });
    await clock.advance(20_000);
    expect(outcome(early)).toContain('DEADLINE_EXCEEDED');
    expect(outcome(late)).toBe(EXPIRED);
  });

  it.each([
    { policy: { defaultTimeoutUs: 10, allowTimeoutOverride: true }, timeoutUs: 4, expiresUs: 4 },
    { policy: { defaultTimeoutUs: 10, allowTimeoutOverride: true }, timeoutUs: 40, expiresUs: 10 },
    { policy: { defaultTimeoutUs: 10, allowTimeoutOverride: true }, timeoutUs: 0, expiresUs: 10 },
    { policy: { defaultTimeoutUs: 10 }, timeoutUs: 4, expiresUs: 10 },
  ])('timeout $timeoutUs under $policy expires after $expiresUs us', async (row) => {
    const { submit, clock } = withPolicy(row.policy);
    submit();
    const job = submit({ timeoutUs: row.timeoutUs });
    await clock.advance(row.expiresUs * 1000 - 1);
    expect(outcome(job)).toBe('pending');
    await clock.advance(1);
    expect(outcome(job)).toBe(EXPIRED);
  });

  it.each([true, false])(
    'lets a request bound its own wait where the default is 0 (override %s)',
    async (allowTimeoutOverride) => {
      const { submit, clock } = withPolicy({ allowTimeoutOverride });
      submit();
      const job = submit({ timeoutUs: 4 });
      const patient = submit();
      await clock.advance(4_000);
      expect(outcome(job)).toBe(EXPIRED);
      expect(outcome(patient)).toBe('pending');
    },
  );

  it('max_queue_size counts waiting requests, not rows, and replaces the server-wide bound', () => {
    const { submit } = aScheduler({
      scheduling: dynamicBatching({ defaultQueuePolicy: aQueuePolicy({ queueRequestsMax: 2 }) }),
      queueRowsMax: 3,
    });
    submit();
    const jobs = [submit({ rows: 4 }), submit({ rows: 4 }), submit()];
    expect(jobs.map(outcome)).toEqual([
      'pending',
      'pending',
      'OTHER UNAVAILABLE [request id: test] Exceeds maximum queue size',
    ]);
  });
});

describe('preserve_ordering', () => {
  const run = async (preserveOrdering: boolean): Promise<string[][]> => {
    const { executors, submit, clock, scheduler } = aScheduler({
      scheduling: dynamicBatching({ preferredBatchSizes: [1], preserveOrdering }),
      instances: 2,
    });
    const jobs = [submit(), submit()];
    const seen: string[][] = [];
    executors[1]?.current.answer();
    await settled();
    seen.push(jobs.map(outcome));
    executors[0]?.current.fail(new Error('boom'));
    await settled();
    seen.push(jobs.map((job) => outcome(job).split(' ')[0] ?? ''));
    await scheduler.drain();
    expect(clock.pendingTimers).toBe(0);
    return seen;
  };

  it('holds an answer back until the earlier request has its own, or its error', async () => {
    expect(await run(true)).toEqual([
      ['pending', 'pending'],
      ['BACKEND', 'answered'],
    ]);
  });

  it('off, answers go out as they come', async () => {
    expect(await run(false)).toEqual([
      ['pending', 'answered'],
      ['BACKEND', 'answered'],
    ]);
  });
});

describe('a client that submits from within its answer', () => {
  it('does not disturb the dispatch that is under way, nor exhaust the stack', async () => {
    const count = 5000;
    const { submit, executor, clock, scheduler } = aScheduler({
      scheduling: dynamicBatching({ defaultQueuePolicy: aQueuePolicy({ defaultTimeoutUs: 10 }) }),
      queueRowsMax: count,
    });
    const again: TestJob[] = [];
    submit();
    for (let index = 0; index < count; index++) submit({ settle: () => again.push(submit()) });
    await clock.advance(10_000);
    expect(again).toHaveLength(count);
    expect(new Set(again.map(outcome))).toEqual(new Set(['pending']));
    expect(scheduler.queued).toBe(count);
    executor.current.answer();
    await settled();
    expect(executor.batchSizes).toEqual([1, 8]);
  });
});
