import { describe, expect, it } from 'vitest';
import { newTimings, type Timings } from '#naiad/inference/timings.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { StatisticsRecorder } from '#naiad/telemetry/statistics.js';

/** Of a request that arrived at 100 and whose stages took 10, 20, 40, 80 and 160. */
function timings(changes: Partial<Timings> = {}): Timings {
  return {
    ...newTimings(100),
    queueStart: 110,
    computeStart: 130,
    computeInputEnd: 170,
    computeOutputStart: 250,
    computeEnd: 410,
    ...changes,
  };
}

describe('a request that is answered', () => {
  it('adds each of its stages, from arrival to answer', () => {
    const statistics = new StatisticsRecorder();
    statistics.requestSucceeded(timings(), 1, 500);
    expect(statistics).toMatchObject({
      inferenceCount: 1,
      executionCount: 0,
      lastInference: 0,
      success: { count: 1, ns: 400 },
      fail: { count: 0, ns: 0 },
      queue: { count: 1, ns: 20 },
      computeInput: { count: 1, ns: 40 },
      computeInfer: { count: 1, ns: 80 },
      computeOutput: { count: 1, ns: 160 },
    });
  });

  it('adds the whole duration of the batch that it shares', () => {
    const statistics = new StatisticsRecorder();
    for (const rows of [1, 3]) statistics.requestSucceeded(timings(), rows, 500);
    statistics.batchExecuted(4, 40, 80, 160, 1_700_000_000_000);
    expect(statistics).toMatchObject({
      inferenceCount: 4,
      executionCount: 1,
      lastInference: 1_700_000_000_000,
      computeInfer: { count: 2, ns: 160 },
    });
    expect([...statistics.batches]).toEqual([
      [
        4,
        {
          computeInput: { count: 1, ns: 40 },
          computeInfer: { count: 1, ns: 80 },
          computeOutput: { count: 1, ns: 160 },
        },
      ],
    ]);
  });

  it('counts as one inference where there are no rows', () => {
    const statistics = new StatisticsRecorder();
    statistics.requestSucceeded(timings(), 0, 500);
    expect(statistics.inferenceCount).toBe(1);
  });
});

it('a request that fails adds its time, and nothing to the stages', () => {
  const statistics = new StatisticsRecorder();
  statistics.requestFailed(100, 350, 'BACKEND');
  expect(statistics).toMatchObject({
    inferenceCount: 0,
    success: { count: 0 },
    fail: { count: 1, ns: 250 },
    queue: { count: 0 },
  });
});

it('batches are kept apart by their size', () => {
  const statistics = new StatisticsRecorder();
  for (const rows of [8, 1, 8]) statistics.batchExecuted(rows, 1, 2, 3, 5);
  expect(statistics.executionCount).toBe(3);
  expect(statistics.batches.get(8)?.computeOutput).toEqual({ count: 2, ns: 6 });
  expect(statistics.batches.get(1)?.computeInput).toEqual({ count: 1, ns: 1 });
});

describe('answers of decoupled models', () => {
  const NONE = { count: 0, ns: 0 };
  const once = (ns: number) => ({ count: 1, ns });

  it('are kept apart by their number', () => {
    const statistics = new StatisticsRecorder();
    statistics.responseSucceeded(0, 10, 15, 18);
    statistics.responseFailed(1, 10, 30);
    statistics.responseEmpty(2, 10, 50);
    statistics.responseCancelled(3, 10, 90);
    expect([...statistics.responses]).toEqual([
      [
        0,
        {
          computeInfer: once(5),
          computeOutput: once(3),
          success: once(8),
          fail: NONE,
          empty: NONE,
          cancel: NONE,
        },
      ],
      [
        1,
        {
          computeInfer: once(20),
          computeOutput: NONE,
          success: NONE,
          fail: once(20),
          empty: NONE,
          cancel: NONE,
        },
      ],
      [
        2,
        {
          computeInfer: once(40),
          computeOutput: NONE,
          success: NONE,
          fail: NONE,
          empty: once(40),
          cancel: NONE,
        },
      ],
      [
        3,
        { computeInfer: NONE, computeOutput: NONE, success: NONE, fail: NONE, empty: NONE, cancel: once(80) },
      ],
    ]);
  });

  it('are counted up to a number', () => {
    const statistics = new StatisticsRecorder();
    const last = LIMITS.responseStatisticsMax - 1;
    for (const index of [last, last + 1, last + 2]) {
      statistics.responseSucceeded(index, 1, 2, 3);
      statistics.responseFailed(index, 1, 2);
      statistics.responseEmpty(index, 1, 2);
      statistics.responseCancelled(index, 1, 2);
    }
    expect([...statistics.responses.keys()]).toEqual([last]);
  });
});
