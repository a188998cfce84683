import { expect, it } from 'vitest';
import { aQueuePolicy, dynamicBatching, int32Tensor } from './builders.js';
import { aScheduler } from './harness.js';

const MS_NS = 1e6;

it('tells what waits, its rows and bytes, and since when', async () => {
  const { scheduler, submit, clock } = aScheduler();
  expect(scheduler.queueStatus()).toEqual({
    requests: 0,
    rows: 0,
    bytes: 0,
    oldestNs: Number.POSITIVE_INFINITY,
    handedOver: 0,
  });
  submit();
  await clock.advance(MS_NS);
  const sinceNs = clock.nowNs();
  submit({ rows: 2, inputs: [int32Tensor('IN', [2, 1], [1, 2])] });
  await clock.advance(MS_NS);
  submit({ rows: 3, inputs: [int32Tensor('IN', [3, 1], [1, 2, 3])] });
  expect(scheduler.queueStatus()).toEqual({
    requests: 2,
    rows: 5,
    bytes: 20,
    oldestNs: sinceNs,
    handedOver: 0,
  });
});

it('tells of requests that wait in an instance', async () => {
  const { scheduler, submit, executor, clock } = aScheduler();
  for (let job = 0; job < 4; job++) submit();
  executor.runs[0]?.answer(undefined, MS_NS);
  await clock.advance(0);
  expect(executor.runs).toHaveLength(2);
  expect(scheduler.queueStatus()).toMatchObject({ requests: 1, handedOver: 1 });
  executor.runs[0]?.answer(undefined, MS_NS);
  await clock.advance(0);
  expect(scheduler.queueStatus()).toMatchObject({ requests: 0, handedOver: 1 });
  executor.runs[0]?.answer(undefined, MS_NS);
  await clock.advance(0);
  expect(scheduler.queueStatus()).toMatchObject({ requests: 0, handedOver: 0 });
});

it('tells of the oldest, also when its policy has put it back behind others', async () => {
  const delaying = aQueuePolicy({ timeoutAction: 'DELAY', allowTimeoutOverride: true });
  const { scheduler, submit, clock } = aScheduler({
    maxBatchSize: 1,
    scheduling: dynamicBatching({ preferredBatchSizes: [1], defaultQueuePolicy: delaying }),
  });
  submit();
  await clock.advance(MS_NS);
  const sinceNs = clock.nowNs();
  submit({ timeoutUs: 2000 });
  await clock.advance(MS_NS);
  submit({ timeoutUs: 500 });
  submit();
  await clock.advance(5 * MS_NS);
  expect(scheduler.queueStatus()).toMatchObject({ requests: 3, oldestNs: sinceNs });
});

it('tells of the oldest of all priorities', async () => {
  const { scheduler, submit, clock } = aScheduler({
    maxBatchSize: 1,
    scheduling: dynamicBatching({ preferredBatchSizes: [1], priorityLevels: 2, defaultPriorityLevel: 1 }),
  });
  submit();
  const sinceNs = clock.nowNs();
  submit({ priority: 2 });
  await clock.advance(MS_NS);
  submit({ priority: 1 });
  expect(scheduler.queueStatus()).toMatchObject({ requests: 2, oldestNs: sinceNs });
});
