import { describe, expect, it } from 'vitest';
import { type Cancellation, Canceller } from '#naiad/inference/request.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { settled } from '../support/fake-clock.js';
import { answer, int32Tensor, int32Values, laneLost, marksOf, outcome } from './builders.js';
import { aScheduler } from './harness.js';

const LONG_NS = 1e9;

describe('direct scheduling', () => {
  it('hands a lone job over before submit returns', () => {
    const { executor, submit, scheduler } = aScheduler();
    submit();
    expect(executor.runs).toHaveLength(1);
    expect([scheduler.queued, scheduler.pending]).toEqual([0, 1]);
  });

  it('runs one job at a time, in the order of arrival', async () => {
    const { executor, submit } = aScheduler();
    const jobs = [1, 2, 3].map((value) => submit({ inputs: [int32Tensor('IN', [1, 1], [value])] }));
    const order: number[] = [];
    for (const job of jobs) {
      expect(executor.runs).toHaveLength(1);
      order.push(...executor.current.batch.inputs.flatMap(int32Values));
      executor.current.answer(undefined, LONG_NS);
      await settled();
      expect(outcome(job)).toBe('answered');
    }
    expect(order).toEqual([1, 2, 3]);
  });

  it('spreads jobs over idle instances and serves the first that becomes free', async () => {
    const { executors, submit } = aScheduler({ instances: 2 });
    const [a, b] = executors;
    submit();
    submit();
    const third = submit();
    expect([a?.runs.length, b?.runs.length]).toEqual([1, 1]);
    b?.current.answer();
    await settled();
    expect([a?.runs.length, b?.runs.length]).toEqual([1, 1]);
    b?.current.answer();
    await settled();
    expect(outcome(third)).toBe('answered');
  });

  it('hands one job over early to an instance with short runs, but not two', async () => {
    const { executor, submit, scheduler } = aScheduler();
    submit();
    executor.current.answer(undefined, 50_000);
    await settled();
    for (let count = 0; count < 4; count++) submit();
    expect(executor.runs).toHaveLength(2);
    expect(scheduler.queued).toBe(2);
  });

  it('keeps jobs back from an instance with long runs, where they could no longer expire', async () => {
    const { executor, submit, clock } = aScheduler();
    submit();
    executor.current.answer(undefined, LONG_NS);
    await settled();
    submit();
    const impatient = submit({ deadlineNs: clock.nowNs() + 1000 });
    expect(executor.runs).toHaveLength(1);
    await clock.advance(1000);
    expect(outcome(impatient)).toContain('DEADLINE_EXCEEDED');
  });

  it('leaves a lone waiting job to whichever of several busy instances ends first', async () => {
    const { executors, submit, scheduler } = aScheduler({ instances: 2 });
    for (const executor of executors) {
      submit();
      executor.current.answer(undefined, 50_000);
      await settled();
    }
    submit();
    submit();
    submit();
    expect(scheduler.queued).toBe(1);
    submit();
    expect(executors.map(({ runs }) => runs.length)).toEqual([2, 2]);
  });

  it('hands the earlier of two jobs over to the instance that has been busy for longer', async () => {
    const { executors, submit } = aScheduler({ instances: 2 });
    for (const executor of executors) {
      submit();
      executor.current.answer(undefined, 50_000);
      await settled();
    }
    for (const value of [1, 2, 3, 4]) submit({ inputs: [int32Tensor('IN', [1, 1], [value])] });
    const given = executors.map(({ runs }) => runs.flatMap(({ batch }) => batch.inputs.flatMap(int32Values)));
    expect(new Set(given)).toEqual(
      new Set([
        [1, 3],
        [2, 4],
      ]),
    );
  });

  it('refuses what waits when no instance has come back in time, and what comes until one does', async () => {
    const { submit, executor, clock } = aScheduler();
    executor.setAvailable(false);
    const waiting = submit();
    await clock.advance(LIMITS.replacementWaitMs * 1e6 - 1);
    expect(outcome(waiting)).toBe('pending');
    await clock.advance(1);
    expect(outcome(waiting)).toMatch(/^BACKEND UNAVAILABLE no instance of model 'm' is available/);
    expect(outcome(submit())).toMatch(/^OTHER UNAVAILABLE no instance of model 'm' is available/);
    executor.setAvailable(true);
    submit();
    expect(executor.runs).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives nothing to an instance that is not available, and waits for its return', async () => {
    const { executors, submit, scheduler } = aScheduler({ instances: 2 });
    for (const executor of executors) executor.setAvailable(false);
    const job = submit();
    expect(scheduler.queued).toBe(1);
    executors[1]?.setAvailable(true);
    expect(executors.map(({ runs }) => runs.length)).toEqual([0, 1]);
    executors[1]?.current.answer();
    await settled();
    expect(outcome(job)).toBe('answered');
  });

  it('lets jobs expire while no instance is available', async () => {
    const { executor, submit, clock, scheduler } = aScheduler();
    executor.setAvailable(false);
    const job = submit({ deadlineNs: clock.nowNs() + 5000 });
    await clock.advance(4999);
    expect(outcome(job)).toBe('pending');
    await clock.advance(1);
    expect(outcome(job)).toBe('CANCELED DEADLINE_EXCEEDED Deadline exceeded before the model ran');
    expect([scheduler.queued, scheduler.pending]).toEqual([0, 0]);
  });

  it('fails the jobs of a rejected run with its error and goes on', async () => {
    const { executor, submit, batches } = aScheduler();
    const jobs = [submit(), submit()];
    executor.current.fail(laneLost());
    await settled();
    executor.current.answer();
    await settled();
    expect(jobs.map(outcome)).toEqual(['BACKEND UNAVAILABLE the worker has stopped', 'answered']);
    expect(batches).toHaveLength(1);
  });

  it('hides what is not meant for clients', async () => {
    const { executor, submit } = aScheduler();
    const job = submit();
    executor.current.fail(new Error('secret'));
    await settled();
    expect(outcome(job)).toBe('BACKEND INTERNAL internal error, see the log of the server');
  });

  it('stamps the stages of a job and records its batch before the job is settled', async () => {
    const { executor, submit, clock, batches } = aScheduler();
    const seen: number[] = [];
    const job = submit({ rows: 3, settle: () => seen.push(batches.length) });
    const queueStart = clock.nowNs();
    await clock.advance(1000);
    executor.current.answer(undefined, 400);
    await settled();
    const marks = marksOf(clock.nowNs(), 400);
    expect(job.timings).toMatchObject({
      queueStart,
      computeStart: marks.start,
      computeInputEnd: marks.inputEnd,
      computeOutputStart: marks.outputStart,
      computeEnd: marks.end,
    });
    expect(batches).toEqual([{ rows: 3, computeInputNs: 100, computeInferNs: 200, computeOutputNs: 100 }]);
    expect(seen).toEqual([1]);
  });

  it('passes tensors of a model without batch dimension as they are, in buffers of their own', async () => {
    const { executor, submit } = aScheduler({ maxBatchSize: 0 });
    const message = Buffer.from(Int32Array.from([9, 1, 2, 3, 4]).buffer);
    const data = message.subarray(4);
    const job = submit({ inputs: [{ name: 'IN', datatype: 'INT32', shape: [2, 2], data }] });
    const [input] = executor.current.batch.inputs;
    expect(input?.shape).toEqual([2, 2]);
    expect(input && int32Values(input)).toEqual([1, 2, 3, 4]);
    expect(input?.data.byteLength).toBe(input?.data.buffer.byteLength);
    executor.current.answer([int32Tensor('IN', [5], [1, 2, 3, 4, 5])]);
    await settled();
    expect(answer(job)[0]?.shape).toEqual([5]);
  });
});

describe('cancelling', () => {
  it('takes a waiting job out at once', () => {
    const { executor, submit, scheduler } = aScheduler();
    const canceller = new Canceller();
    submit();
    const job = submit({ cancellation: canceller });
    canceller.cancel();
    expect(outcome(job)).toBe('CANCELED CANCELLED ');
    expect([scheduler.queued, scheduler.pending, executor.runs.length]).toEqual([0, 1, 1]);
  });

  it('is no longer listened for once a job has left the queue', async () => {
    const { executor, submit, clock } = aScheduler();
    let listeners = 0;
    const cancellation: Cancellation = {
      cancelled: false,
      onCancel: () => {
        listeners++;
        return () => listeners--;
      },
    };
    for (let count = 0; count < 3; count++) submit({ cancellation });
    submit({ cancellation, deadlineNs: clock.nowNs() + 1000 });
    expect(listeners).toBe(3);
    await clock.advance(1000);
    expect(listeners).toBe(2);
    executor.current.answer(undefined, LONG_NS);
    await settled();
    expect(listeners).toBe(1);
  });

  it('drops the answer of a job that runs', async () => {
    const { executor, submit, scheduler } = aScheduler();
    const canceller = new Canceller();
    const job = submit({ cancellation: canceller });
    canceller.cancel();
    executor.current.answer();
    await settled();
    expect(outcome(job)).toBe('CANCELED CANCELLED ');
    expect(scheduler.pending).toBe(0);
  });

  it('does not queue what was cancelled, or was too late, before it came', () => {
    const { executor, submit, clock } = aScheduler();
    const canceller = new Canceller();
    canceller.cancel();
    const jobs = [submit({ cancellation: canceller }), submit({ deadlineNs: clock.nowNs() })];
    expect(executor.runs).toHaveLength(0);
    expect(jobs.map(outcome)).toEqual([
      'CANCELED CANCELLED ',
      'CANCELED DEADLINE_EXCEEDED Deadline exceeded before the model ran',
    ]);
  });
});

describe('bounds', () => {
  const full = 'OTHER UNAVAILABLE [request id: test] Exceeds maximum queue size';

  it('refuses rows beyond the bound', () => {
    const { submit } = aScheduler({ queueRowsMax: 5 });
    submit({ rows: 5 });
    const jobs = [submit({ rows: 3 }), submit({ rows: 3 }), submit({ rows: 2 }), submit({ rows: 1 })];
    expect(jobs.map(outcome)).toEqual(['pending', full, 'pending', full]);
  });

  it('refuses bytes beyond the bound', () => {
    const { submit } = aScheduler({ queueBytesMax: 20 });
    submit({ rows: 5 });
    const jobs = [submit({ rows: 3 }), submit({ rows: 3 }), submit({ rows: 2 }), submit({ rows: 1 })];
    expect(jobs.map(outcome)).toEqual(['pending', full, 'pending', full]);
  });

  it('takes a job larger than the bounds when an instance can run it at once', () => {
    const { submit, executor } = aScheduler({ queueRowsMax: 1, queueBytesMax: 1 });
    submit({ rows: 5 });
    expect(executor.runs).toHaveLength(1);
  });

  it('has room again when a waiting job leaves', () => {
    const { submit } = aScheduler({ queueRowsMax: 1 });
    const canceller = new Canceller();
    submit();
    submit({ cancellation: canceller });
    canceller.cancel();
    expect(outcome(submit())).toBe('pending');
  });
});

describe('drain', () => {
  it('refuses new jobs, finishes the accepted ones, then resolves and leaves no timer', async () => {
    const { submit, scheduler, executor, clock } = aScheduler();
    const accepted = [submit(), submit({ deadlineNs: clock.nowNs() + 1e9 })];
    let drained = false;
    const done = scheduler.drain().then(() => {
      drained = true;
    });
    expect(outcome(submit())).toBe(
      'OTHER UNAVAILABLE Server is stopping, scheduler for model has stopped accepting new inference requests',
    );
    for (const job of accepted) {
      expect(drained).toBe(false);
      executor.current.answer();
      await settled();
      expect(outcome(job)).toBe('answered');
    }
    await done;
    expect(drained).toBe(true);
    expect([scheduler.pending, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('resolves at once when nothing is pending, however often it is asked', async () => {
    const { scheduler } = aScheduler();
    await Promise.all([scheduler.drain(), scheduler.drain()]);
    await scheduler.drain();
  });

  it('keeps one timer for many deadlines', () => {
    const { submit, clock } = aScheduler();
    for (let index = 0; index < 50; index++) submit({ deadlineNs: clock.nowNs() + 1e9 - index });
    expect(clock.pendingTimers).toBe(1);
  });
});
