import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';
import type { Executor } from '#naiad/worker/executor.js';
import { Lanes } from '#naiad/worker/lanes.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  anIdentityLoad,
  anOnnxLoad,
  int32Tensor,
  int32Values,
  removeModel,
  writeModel,
} from '../support/instances.js';
import { addSub } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';

const modelFile = writeModel(addSub(['batch', 4]));
afterAll(() => removeModel(modelFile));

const OWN_LANES = { cores: 2, cpuLanes: 0, cpuLanesMax: 8 };

const opened: Lanes[] = [];
afterEach(() => Promise.all(opened.splice(0).map((lanes) => lanes.close())));

function openLanes(settings = OWN_LANES): { lanes: Lanes; log: RecordedLog } {
  const log = new RecordedLog();
  const lanes = new Lanes({ settings, clock: systemClock, log });
  opened.push(lanes);
  return { lanes, log };
}

async function add(executor: Executor, a: readonly number[], b: readonly number[]): Promise<number[]> {
  const { outputs } = await executor.run({
    inputs: [int32Tensor('INPUT0', a), int32Tensor('INPUT1', b)],
    outputs: ['OUTPUT0'],
  });
  return outputs.flatMap(int32Values);
}

const load = (lanes: Lanes, modelName: string) => lanes.load(anOnnxLoad(modelFile, { modelName }));

describe('Lanes', () => {
  it('gives each instance a lane of its own, which ends with it', async () => {
    const { lanes } = openLanes();
    expect(lanes.status).toEqual({ lanes: [], replaced: 0 });
    const [first, second] = await Promise.all([load(lanes, 'a'), load(lanes, 'b')]);
    expect(lanes.status.lanes.map(({ instances }) => instances)).toEqual([['a_0'], ['b_0']]);
    expect(first.description?.inputs.map(({ name }) => name)).toEqual(['INPUT0', 'INPUT1']);
    await first.unload();
    expect(lanes.status.lanes.map(({ instances }) => instances)).toEqual([['b_0']]);
    expect(first.available).toBe(false);
    expect(await add(second, [1, 2, 3, 4], [1, 1, 1, 1])).toEqual([2, 3, 4, 5]);
    await second.unload();
    expect(lanes.status.lanes).toEqual([]);
  });

  it('tidies lanes that have loaded, once', async () => {
    const clock = new FakeClock();
    const lanes = new Lanes({ settings: OWN_LANES, clock, log: new RecordedLog() });
    opened.push(lanes);
    expect(clock.pendingTimers).toBe(0);
    const [first, second] = [await load(lanes, 'a'), await load(lanes, 'b')];
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1e9);
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(0));
    expect(await add(first, [1, 2, 3, 4], [1, 1, 1, 1])).toEqual([2, 3, 4, 5]);
    await second.unload();
  });

  it('shares as many lanes as it is told to, spreading the instances of a model', async () => {
    const { lanes } = openLanes({ ...OWN_LANES, cpuLanes: 2 });
    const executors = await Promise.all(['a', 'b', 'c', 'c'].map((name) => load(lanes, name)));
    expect(lanes.status.lanes.map(({ instances }) => instances)).toEqual([
      ['a_0', 'c_0'],
      ['b_0', 'c_0'],
    ]);
    const rows = await Promise.all(
      executors.map((executor, index) => add(executor, [index, 0, 0, 0], [10, 0, 0, 0])),
    );
    expect(rows.map(([sum]) => sum)).toEqual([10, 11, 12, 13]);
  });

  it('holds 200 models in the lanes it may have, one thread each, and gives all of them back', async () => {
    const { lanes } = openLanes();
    // libuv's own pool starts with the first file that is read.
    await readFile(modelFile);
    const before = threadCount();
    const executors = await Promise.all(
      Array.from({ length: 200 }, (_, index) => load(lanes, `model-${index}`)),
    );
    expect(lanes.status.lanes).toHaveLength(8);
    expect(lanes.status.lanes.map(({ instances }) => instances.length)).toEqual(new Array(8).fill(25));
    if (before !== null) expect(threadCount()).toBe(before + 8);
    const sums = await Promise.all(
      executors.map((executor, index) => add(executor, [index, 0, 0, 0], [1, 0, 0, 0])),
    );
    expect(sums.map(([sum]) => sum)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    await Promise.all(executors.map((executor) => executor.unload()));
    await lanes.close();
    expect(lanes.status.lanes).toEqual([]);
    if (before !== null) expect(threadCount()).toBe(before);
  });

  it('leaves nothing behind when a load fails', async () => {
    const { lanes } = openLanes();
    await expect(lanes.load(anOnnxLoad('/nowhere/model.onnx'))).rejects.toThrow("File doesn't exist");
    await expect(lanes.load(anIdentityLoad({ fault: 'none' }))).rejects.toThrow("parameter 'fault'");
    expect(lanes.status).toEqual({ lanes: [], replaced: 0 });
  });

  it('waits for a run that is under way, then closes', async () => {
    const { lanes } = openLanes();
    const slow = await lanes.load(anIdentityLoad({ execute_delay_ms: '50' }));
    const settled: string[] = [];
    const run = slow
      .run({ inputs: [int32Tensor('X', [7])], outputs: ['OUTPUT0'] })
      .then(({ outputs }) => settled.push(`ran ${outputs.map(int32Values)}`));
    const closed = lanes.close().then(() => settled.push('closed'));
    await Promise.all([run, closed]);
    expect(settled).toEqual(['ran 7', 'closed']);
    await expect(slow.run({ inputs: [], outputs: [] })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(lanes.load(anIdentityLoad())).rejects.toThrow('the server is stopping');
  });

  it('closes while a model is being loaded', async () => {
    const { lanes } = openLanes();
    const loading = load(lanes, 'a');
    const [, loaded] = await Promise.all([lanes.close(), loading.then(() => 'loaded', String)]);
    expect(loaded).toContain('unloaded while it was loaded');
    expect(lanes.status.lanes).toEqual([]);
  });

  it('takes an unload twice', async () => {
    const { lanes, log } = openLanes();
    const executor = await load(lanes, 'a');
    await Promise.all([executor.unload(), executor.unload()]);
    await executor.unload();
    expect(log.messages('error')).toEqual([]);
    expect(lanes.status.lanes).toEqual([]);
  });

  it('tells of the end of an instance once', async () => {
    const { lanes } = openLanes();
    const executor = await load(lanes, 'a');
    const seen: boolean[] = [];
    executor.onAvailability(() => seen.push(executor.available));
    await executor.unload();
    expect(seen).toEqual([false]);
  });
});

/** Threads of this process, null where the system does not tell. */
function threadCount(): number | null {
  return existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : null;
}
