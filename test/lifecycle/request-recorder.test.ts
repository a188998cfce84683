import { describe, expect, it } from 'vitest';
import type { RunInputs, RunOutputs } from '#naiad/backend/backend.js';
import {
  type RecordedSample,
  type RecorderOptions,
  RecordingExecutor,
  RequestRecorder,
} from '#naiad/lifecycle/request-recorder.js';
import type { Executor } from '#naiad/worker/executor.js';
import { aTensor } from '../support/instances.js';

const OUTPUTS: RunOutputs = { outputs: [], marks: { start: 0, inputEnd: 0, outputStart: 0, end: 0 } };

function aBatch(rows: number, value = 0): RunInputs {
  return { inputs: [aTensor('X', 'UINT8', [rows, 2], new Uint8Array(rows * 2).fill(value))], outputs: [] };
}

/** An instance that overwrites what it gets, as one whose buffers were taken away. */
function anExecutor(run: (batch: RunInputs) => Promise<RunOutputs>): Executor {
  return {
    name: 'e',
    description: null,
    available: true,
    onAvailability: () => () => {},
    run,
    unload: async () => {},
  };
}

function record(options: Partial<RecorderOptions>) {
  const done: (readonly RecordedSample[])[] = [];
  const recorder = new RequestRecorder({
    requests: 3,
    samplesMax: 3,
    batches: true,
    onDone: (samples) => done.push(samples),
    ...options,
  });
  const executor = new RecordingExecutor(
    anExecutor(async ({ inputs }) => {
      for (const { data } of inputs) {
        if (data[0] === 255) throw new Error('a bad request');
        data.fill(99);
      }
      return OUTPUTS;
    }),
    recorder,
  );
  return { recorder, executor, done };
}

const values = (samples: readonly RecordedSample[] | undefined): (number | undefined)[] =>
  (samples ?? []).map(([tensor]) => tensor?.data[0]);

describe('a recorder', () => {
  it('keeps copies of the first requests, and is done once', async () => {
    const { executor, done } = record({});
    for (const value of [1, 2, 3, 4]) expect(await executor.run(aBatch(1, value))).toBe(OUTPUTS);
    expect(done.map(values)).toEqual([[1, 2, 3]]);
  });

  it('counts rows of models that batch, and requests of others', async () => {
    const batching = record({});
    for (const value of [1, 2]) await batching.executor.run(aBatch(2, value));
    expect(batching.done.map(values)).toEqual([[1, 2]]);
    const other = record({ batches: false });
    for (const value of [1, 2]) await other.executor.run(aBatch(2, value));
    expect(other.done).toEqual([]);
  });

  it('leaves out what could not be answered', async () => {
    const { executor, done } = record({ requests: 2, samplesMax: 2 });
    await executor.run(aBatch(1, 1));
    await expect(executor.run(aBatch(1, 255))).rejects.toThrow('a bad request');
    await executor.run(aBatch(1, 2));
    expect(done.map(values)).toEqual([[1, 2]]);
  });

  it('passes over some where there are more requests than samples', async () => {
    const { executor, done } = record({ requests: 9, samplesMax: 3 });
    for (let value = 1; value <= 9; value++) await executor.run(aBatch(1, value));
    expect(done.map(values)).toEqual([[1, 4, 7]]);
  });

  it('ends with what it has when it may not keep more', async () => {
    const { executor, done } = record({ bytesMax: 5 });
    for (const value of [1, 2, 3]) await executor.run(aBatch(1, value));
    expect(done.map(values)).toEqual([[1, 2]]);
    const tooLarge = record({ bytesMax: 1 });
    await tooLarge.executor.run(aBatch(1));
    expect(tooLarge.done).toEqual([[]]);
  });
});
