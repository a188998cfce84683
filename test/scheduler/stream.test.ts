import { describe, expect, it } from 'vitest';
import type { AnswerMarks, AnswerSink, RunInputs, RunMarks } from '#naiad/backend/backend.js';
import { Canceller } from '#naiad/inference/request.js';
import { createScheduler } from '#naiad/scheduler/create.js';
import type { BatchRecord, Job } from '#naiad/scheduler/scheduler.js';
import type { NamedTensor } from '#naiad/tensor/tensor.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import {
  aJob,
  anInput,
  dynamicBatching,
  HeldExecutor,
  int32Tensor,
  int32Values,
  laneLost,
  marksOf,
  outcome,
  type TestJob,
} from './builders.js';

interface HeldStream {
  readonly request: RunInputs;
  readonly sink: AnswerSink;
  end(): void;
  fail(error: Error): void;
}

/** An instance that answers as the test says. */
class StreamingExecutor extends HeldExecutor {
  readonly streams: HeldStream[] = [];
  readonly #marks: RunMarks;

  constructor(clock: FakeClock) {
    super(clock);
    this.#marks = marksOf(1000, 800);
  }

  stream(request: RunInputs, sink: AnswerSink): Promise<RunMarks> {
    return new Promise((resolve, reject) => {
      this.streams.push({ request, sink, end: () => resolve(this.#marks), fail: reject });
    });
  }
}

interface StreamJob extends TestJob {
  readonly answered: (readonly number[])[];
  readonly marks: AnswerMarks[];
}

/** A scheduler of a decoupled model, batching or not by its configuration. */
function aStreamScheduler(instances = 1) {
  const clock = new FakeClock();
  const executors = Array.from({ length: instances }, () => new StreamingExecutor(clock));
  const batches: BatchRecord[] = [];
  const scheduler = createScheduler({
    model: 'm',
    spec: { maxBatchSize: 8, inputs: [anInput()], scheduling: dynamicBatching() },
    executors,
    clock,
    queueRowsMax: 1000,
    queueBytesMax: 1 << 20,
    streams: true,
    onBatch: (record) => batches.push(record),
  });
  const submit = (overrides: Partial<Job> = {}): StreamJob => {
    const answered: (readonly number[])[] = [];
    const marks: AnswerMarks[] = [];
    const job: TestJob = aJob({
      answers: {
        async answer(outputs, times) {
          answered.push(outputs.flatMap(int32Values));
          marks.push(times);
        },
      },
      ...overrides,
    });
    scheduler.submit(job);
    return Object.assign(job, { answered, marks });
  };
  const [executor] = executors;
  if (executor === undefined) throw new Error('no instance');
  return { clock, scheduler, executors, executor, batches, submit };
}

const MARKS: AnswerMarks = { start: 1, outputStart: 2, end: 3 };
const output = (value: number, name = 'IN', rows = 1): NamedTensor =>
  int32Tensor(name, [rows, 1], new Array(rows).fill(value));

describe('jobs with any number of answers', () => {
  it('run one by one on each instance, whatever the configuration batches', async () => {
    const { executors, submit } = aStreamScheduler(2);
    for (let count = 0; count < 3; count++) submit();
    await settled();
    expect(executors.map(({ streams }) => streams.length)).toEqual([1, 1]);
    executors[1]?.streams[0]?.end();
    await settled();
    expect(executors.map(({ streams }) => streams.length)).toEqual([1, 2]);
  });

  it('get their answers as they come, and then their end', async () => {
    const { executor, submit, batches } = aStreamScheduler();
    const job = submit();
    const [stream] = executor.streams;
    expect(stream?.request.inputs.map(({ name }) => name)).toEqual(['IN']);
    await stream?.sink.answer({ outputs: [output(7)], marks: MARKS });
    await stream?.sink.answer({ outputs: [output(8)], marks: { ...MARKS, end: 4 } });
    expect(job.answered).toEqual([[7], [8]]);
    expect(job.marks).toEqual([MARKS, { ...MARKS, end: 4 }]);
    expect(outcome(job)).toBe('pending');
    stream?.end();
    await settled();
    expect(job.results).toEqual([{ kind: 'answered', outputs: [] }]);
    expect(job.timings).toMatchObject({ computeStart: 200, computeEnd: 1000 });
    expect(batches).toMatchObject([{ rows: 1, computeInferNs: 400 }]);
  });

  it('get the outputs that they want, in their order', async () => {
    const { executor, submit } = aStreamScheduler();
    const job = submit({ outputs: ['B', 'A'] });
    const outputs = [output(1, 'A'), output(2, 'C'), output(3, 'B')];
    await executor.streams[0]?.sink.answer({ outputs, marks: MARKS });
    expect(job.answered).toEqual([[3, 1]]);
  });

  it('make the model wait until an answer is taken', async () => {
    const { executor, submit } = aStreamScheduler();
    let take = (): void => {};
    submit({
      answers: {
        answer: () =>
          new Promise((resolve) => {
            take = resolve;
          }),
      },
    });
    let isTaken = false;
    const taken = executor.streams[0]?.sink.answer({ outputs: [output(1)], marks: MARKS }).then(() => {
      isTaken = true;
    });
    await settled();
    expect(isTaken).toBe(false);
    take();
    await taken;
    expect(isTaken).toBe(true);
  });

  it('refuse answers that do not fit, which fails them', async () => {
    const { executor, submit } = aStreamScheduler();
    const job = submit({ rows: 2 });
    const [stream] = executor.streams;
    const failure = await stream?.sink.answer({ outputs: [output(1)], marks: MARKS }).catch((error) => error);
    expect(failure.message).toMatch(/has shape \[1,1\], expected 2/);
    stream?.fail(failure);
    await settled();
    expect(outcome(job)).toMatch(/^BACKEND INTERNAL output 'IN'/);
    expect(job.answered).toEqual([]);
  });

  it('fail with their instance', async () => {
    const { executor, submit, batches } = aStreamScheduler();
    const job = submit();
    await executor.streams[0]?.sink.answer({ outputs: [output(1)], marks: MARKS });
    executor.streams[0]?.fail(laneLost());
    await settled();
    expect(outcome(job)).toBe('BACKEND UNAVAILABLE the worker has stopped');
    expect(batches).toEqual([]);
  });

  it('are known to be cancelled where they are answered, and in the queue', async () => {
    const { executor, submit } = aStreamScheduler();
    const cancellers = [new Canceller(), new Canceller()] as const;
    const jobs = cancellers.map((cancellation) => submit({ cancellation }));
    for (const canceller of cancellers) canceller.cancel();
    expect(executor.streams[0]?.sink.cancellation.cancelled).toBe(true);
    await settled();
    expect(jobs.map(outcome)).toEqual(['pending', 'CANCELED CANCELLED ']);
    executor.streams[0]?.end();
    await settled();
    expect(jobs.map(outcome)).toEqual(['CANCELED CANCELLED ', 'CANCELED CANCELLED ']);
    expect(executor.streams).toHaveLength(1);
  });

  it('are waited for by who lets the scheduler end', async () => {
    const { executor, scheduler, submit } = aStreamScheduler();
    submit();
    let isDrained = false;
    const drained = scheduler.drain().then(() => {
      isDrained = true;
    });
    await settled();
    expect(isDrained).toBe(false);
    executor.streams[0]?.end();
    await drained;
  });
});
