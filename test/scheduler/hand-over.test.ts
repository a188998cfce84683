import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { queueErrors } from '#naiad/errors/catalogue.js';
import { systemClock } from '#naiad/lib/clock.js';
import type { SchedulingSpec } from '#naiad/model-config/model-spec.js';
import { createScheduler } from '#naiad/scheduler/create.js';
import type { JobResult, Scheduler } from '#naiad/scheduler/scheduler.js';
import { LIMITS } from '#naiad/settings/limits.js';
import type { Executor } from '#naiad/worker/executor.js';
import { Lanes } from '#naiad/worker/lanes.js';
import { FakeClock } from '../support/fake-clock.js';
import { anIdentityLoad, anOnnxLoad, int32Tensor, removeModel, writeModel } from '../support/instances.js';
import { addSub } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';
import { aJob, dynamicBatching, HeldExecutor, int32Values, outcome } from './builders.js';
import { aScheduler } from './harness.js';

const modelFile = writeModel(addSub(['batch', 1]));
afterAll(() => removeModel(modelFile));

const opened: Lanes[] = [];
afterEach(() => Promise.all(opened.splice(0).map((lanes) => lanes.close())));

function openLanes(cpuLanes: number): Lanes {
  const settings = { cores: 2, cpuLanes, cpuLanesMax: 8 };
  const lanes = new Lanes({ settings, clock: systemClock, log: new RecordedLog() });
  opened.push(lanes);
  return lanes;
}

const DIRECT = { kind: 'direct' } as const;

function schedulerOver(executors: readonly Executor[], scheduling: SchedulingSpec = DIRECT): Scheduler {
  return createScheduler({
    model: 'adder',
    spec: { maxBatchSize: 8, inputs: [], scheduling },
    executors,
    clock: systemClock,
    queueRowsMax: 1000,
    queueBytesMax: 1 << 20,
    onBatch: () => {},
  });
}

interface Answered {
  readonly wanted: readonly number[];
  readonly results: readonly JobResult[];
}

let lastValue = 0;

/** Submits a job of some rows that no other job has; resolves with all that it was settled with. */
function submit(scheduler: Scheduler): Promise<Answered> {
  const rows = 1 + (lastValue % 3);
  const values = Array.from({ length: rows }, () => ++lastValue);
  const results: JobResult[] = [];
  return new Promise((resolve) => {
    scheduler.submit(
      aJob({
        rows,
        inputs: [int32Tensor('INPUT0', values, 1), int32Tensor('INPUT1', new Array(rows).fill(1000), 1)],
        outputs: ['OUTPUT0'],
        settle: (result) => {
          results.push(result);
          resolve({ wanted: values.map((value) => value + 1000), results });
        },
      }),
    );
  });
}

const submitMany = (count: number, scheduler: Scheduler): Promise<Answered>[] =>
  Array.from({ length: count }, () => submit(scheduler));

/** `right`, or what else became of a job. */
function verdict({ wanted, results }: Answered): string {
  const [result] = results;
  if (result === undefined || results.length !== 1) return `settled ${results.length} times`;
  if (result.kind === 'failed') return result.error.message;
  const got = result.outputs.flatMap(int32Values);
  return JSON.stringify(got) === JSON.stringify(wanted) ? 'right' : `${got} instead of ${wanted}`;
}

const verdicts = async (jobs: readonly Promise<Answered>[]): Promise<string[]> =>
  (await Promise.all(jobs)).map(verdict);

describe('two schedulers over the same instances in real lanes', () => {
  it.each([
    ['direct', DIRECT],
    ['dynamic', dynamicBatching()],
    ['dynamic with order', dynamicBatching({ preserveOrdering: true })],
  ] as const)('give all the right answers while the old one drains: %s', async (_, scheduling) => {
    const lanes = openLanes(0);
    const executors = await Promise.all([0, 1].map(() => lanes.load(anOnnxLoad(modelFile))));
    const old = schedulerOver(executors, scheduling);
    const before = submitMany(60, old);
    const next = schedulerOver(executors);
    const drained = old.drain();
    const after = submitMany(60, next);
    expect(await verdicts([...before, ...after])).toEqual(new Array(120).fill('right'));
    await drained;
    expect([old.pending, next.pending]).toEqual([0, 0]);
    // The instances are as good as new.
    expect(await verdicts(submitMany(5, next))).toEqual(new Array(5).fill('right'));
    await next.drain();
    await Promise.all(executors.map((executor) => executor.unload()));
  });

  it('lose no more than what was in their thread when it dies, each what it had handed over', async () => {
    const lanes = openLanes(1);
    const adder = await lanes.load(anOnnxLoad(modelFile));
    const bomb = await lanes.load(anIdentityLoad({ fault: 'exit' }, { modelName: 'bomb' }));
    const [old, next] = [schedulerOver([adder]), schedulerOver([adder])];
    const jobs = { old: submitMany(20, old), next: submitMany(20, next) };
    const drained = old.drain();
    const exploded = bomb.run({ inputs: [int32Tensor('X', [1])], outputs: ['OUTPUT0'] });
    await expect(exploded).rejects.toEqual(queueErrors.laneLost('bomb'));
    for (const of of [jobs.old, jobs.next]) {
      const wrong = (await verdicts(of)).filter((found) => found !== 'right');
      // One that runs and one behind it.
      expect(wrong.length).toBeLessThanOrEqual(2);
      expect(wrong).toEqual(wrong.map(() => queueErrors.laneLost('model').message));
    }
    await drained;
    expect(lanes.status.replaced).toBe(1);
    expect(await verdicts(submitMany(5, next))).toEqual(new Array(5).fill('right'));
  });
});

describe('a scheduler that has drained', () => {
  it('has let go of its instances and of all timers, however they fare', async () => {
    const { scheduler, executors, submit, clock } = aScheduler({ instances: 2 });
    const jobs = [submit(), submit()];
    for (const executor of executors) executor.setAvailable(false);
    expect([clock.pendingTimers, executors.map(({ listeners }) => listeners)]).toEqual([1, [1, 1]]);
    const drained = scheduler.drain();
    for (const executor of executors) executor.current.answer();
    await drained;
    expect(jobs.map(outcome)).toEqual(['answered', 'answered']);
    expect([clock.pendingTimers, executors.map(({ listeners }) => listeners)]).toEqual([0, [0, 0]]);
    for (const executor of executors) executor.setAvailable(true);
    for (const executor of executors) executor.setAvailable(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it('listens until then', async () => {
    const { scheduler, executor, submit } = aScheduler();
    const jobs = [submit(), submit()];
    executor.setAvailable(false);
    const drained = scheduler.drain();
    executor.current.answer();
    await expect.poll(() => jobs.map(outcome)).toEqual(['answered', 'pending']);
    executor.setAvailable(true);
    executor.current.answer();
    await drained;
    expect([jobs.map(outcome), executor.listeners]).toEqual([['answered', 'answered'], 0]);
  });
});

describe('a scheduler over instances that are dead already', () => {
  function overDead(): { clock: FakeClock; executor: HeldExecutor; scheduler: Scheduler } {
    const clock = new FakeClock();
    const executor = new HeldExecutor(clock);
    executor.setAvailable(false);
    const scheduler = createScheduler({
      model: 'm',
      spec: { maxBatchSize: 8, inputs: [], scheduling: DIRECT },
      executors: [executor],
      clock,
      queueRowsMax: 1000,
      queueBytesMax: 1 << 20,
      onBatch: () => {},
    });
    return { clock, executor, scheduler };
  }

  it('keeps nobody waiting longer than for one that dies later', async () => {
    const { clock, scheduler } = overDead();
    const job = aJob();
    scheduler.submit(job);
    await clock.advance(LIMITS.replacementWaitMs * 1e6 - 1);
    expect(outcome(job)).toBe('pending');
    await clock.advance(1);
    expect(outcome(job)).toBe(`BACKEND UNAVAILABLE ${queueErrors.noInstance('m').message}`);
  });

  it('runs what waits when one comes back', async () => {
    const { clock, executor, scheduler } = overDead();
    const job = aJob();
    scheduler.submit(job);
    executor.setAvailable(true);
    executor.current.answer();
    await expect.poll(() => outcome(job)).toBe('answered');
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves no timer when it is drained at once', async () => {
    const { clock, executor, scheduler } = overDead();
    await scheduler.drain();
    expect([clock.pendingTimers, executor.listeners]).toEqual([0, 0]);
  });
});
