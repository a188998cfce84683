import { afterEach, describe, expect, it } from 'vitest';
import type { Answer, AnswerSink, RunInputs } from '#naiad/backend/backend.js';
import { outputErrors, queueErrors } from '#naiad/errors/catalogue.js';
import { Canceller } from '#naiad/inference/request.js';
import { systemClock } from '#naiad/lib/clock.js';
import type { Executor } from '#naiad/worker/executor.js';
import { Lanes } from '#naiad/worker/lanes.js';
import { anIdentityLoad, aTensor, instanceOptions, int32Tensor, int32Values } from '../support/instances.js';
import { RecordedLog } from '../support/recorded-log.js';

const opened: Lanes[] = [];
afterEach(() => Promise.all(opened.splice(0).map((lanes) => lanes.close())));

/** One lane for all instances. */
function openLane(): Lanes {
  const settings = { cores: 1, cpuLanes: 1, cpuLanesMax: 1 };
  const lanes = new Lanes({ settings, clock: systemClock, log: new RecordedLog() });
  opened.push(lanes);
  return lanes;
}

const OUTPUTS = [
  { name: 'OUT', datatype: 'INT32' },
  { name: 'IDX', datatype: 'UINT32' },
] as const;

const loadRepeat = (lanes: Lanes): Promise<Executor> =>
  lanes.load({
    name: 'repeat_0',
    model: 'repeat',
    backend: 'repeat',
    options: instanceOptions({ modelName: 'repeat', outputs: OUTPUTS }),
  });

const uint32 = (name: string, ...values: number[]) =>
  aTensor(name, 'UINT32', [values.length], new Uint8Array(Uint32Array.from(values).buffer));

function request(values: readonly number[], delays = values.map(() => 0)): RunInputs {
  return {
    inputs: [int32Tensor('IN', values), uint32('DELAY', ...delays), uint32('WAIT', 0)],
    outputs: ['OUT', 'IDX'],
  };
}

/** Far longer than any test. */
const FOR_EVER_MS = 1e9;

/** A sink that takes answers as the test says. */
class TestSink implements AnswerSink {
  readonly cancellation = new Canceller();
  readonly values: number[] = [];
  /** What taking an answer waits for. */
  take: () => Promise<void> = async () => {};
  #came: () => void = () => {};

  async answer({ outputs }: Answer): Promise<void> {
    this.values.push(...outputs.flatMap(int32Values).slice(0, 1));
    this.#came();
    await this.take();
  }

  async has(count: number): Promise<void> {
    while (this.values.length < count) {
      await new Promise<void>((resolve) => {
        this.#came = resolve;
      });
    }
  }
}

const stream = (executor: Executor, batch: RunInputs, sink: AnswerSink) => {
  const streamed = executor.stream?.(batch, sink);
  if (streamed === undefined) throw new Error('it answers once');
  return streamed;
};

describe('a lane', () => {
  it('hands over any number of answers', async () => {
    const repeat = await loadRepeat(openLane());
    const sink = new TestSink();
    const { start, inputEnd, outputStart, end } = await stream(repeat, request([3, 1, 2]), sink);
    expect(sink.values).toEqual([3, 1, 2]);
    expect([start, inputEnd, outputStart, end]).toEqual(
      [start, inputEnd, outputStart, end].toSorted((a, b) => a - b),
    );
    const nothing = new TestSink();
    await stream(repeat, request([]), nothing);
    expect(nothing.values).toEqual([]);
  });

  it('makes an answer only when the one before has been taken', async () => {
    const repeat = await loadRepeat(openLane());
    const sink = new TestSink();
    let release = (): void => {};
    sink.take = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const streamed = stream(repeat, request([1, 2]), sink);
    await sink.has(1);
    // A round trip to the thread and back, in which another answer would come along.
    await stream(repeat, request([]), new TestSink());
    expect(sink.values).toEqual([1]);
    release();
    await sink.has(2);
    release();
    await streamed;
  });

  it('runs other requests in the middle of one that is held up', async () => {
    const lanes = openLane();
    const repeat = await loadRepeat(lanes);
    const identity = await lanes.load(anIdentityLoad());
    const sink = new TestSink();
    const streamed = stream(repeat, request([1, 2], [0, FOR_EVER_MS]), sink);
    await sink.has(1);
    const { outputs } = await identity.run({ inputs: [int32Tensor('X', [7])], outputs: ['OUTPUT0'] });
    expect(outputs.map(int32Values)).toEqual([[7]]);
    sink.cancellation.cancel();
    await streamed;
    expect(sink.values).toEqual([1]);
  });

  it('does not begin for who has gone already', async () => {
    const repeat = await loadRepeat(openLane());
    const sink = new TestSink();
    sink.cancellation.cancel();
    await stream(repeat, request([1, 2], [FOR_EVER_MS, FOR_EVER_MS]), sink);
    expect(sink.values).toEqual([]);
  });

  it('tells why a model failed, and why an answer could not be taken', async () => {
    const repeat = await loadRepeat(openLane());
    await expect(stream(repeat, request([1], []), new TestSink())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: "model 'repeat' needs as many elements of DELAY as of IN, got 0 and 1",
    });
    const sink = new TestSink();
    sink.take = () => Promise.reject(outputErrors.tooLarge(1));
    await expect(stream(repeat, request([1, 2, 3]), sink)).rejects.toMatchObject(outputErrors.tooLarge(1));
    expect(sink.values).toEqual([1]);
    const next = new TestSink();
    await stream(repeat, request([4]), next);
    expect(next.values).toEqual([4]);
  });

  it('fails what it was answering when its thread dies', async () => {
    const lanes = openLane();
    const repeat = await loadRepeat(lanes);
    const bomb = await lanes.load(anIdentityLoad({ fault: 'exit' }, { modelName: 'bomb' }));
    const sink = new TestSink();
    const streamed = stream(repeat, request([1, 2], [0, FOR_EVER_MS]), sink);
    const outcome = expect(streamed).rejects.toMatchObject(queueErrors.laneLost('repeat'));
    await sink.has(1);
    await expect(bomb.run({ inputs: [int32Tensor('X', [1])], outputs: ['OUTPUT0'] })).rejects.toThrow();
    await outcome;
    expect(sink.values).toEqual([1]);
  });
});
