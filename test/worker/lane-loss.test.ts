import { renameSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { queueErrors } from '#naiad/errors/catalogue.js';
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

const modelFile = writeModel(addSub(['batch', 1]));
afterAll(() => removeModel(modelFile));

const OWN_LANES = { cores: 2, cpuLanes: 0, cpuLanesMax: 8 };
const ONE_LANE = { cores: 2, cpuLanes: 1, cpuLanesMax: 8 };

const opened: Lanes[] = [];
afterEach(() => Promise.all(opened.splice(0).map((lanes) => lanes.close())));

function openLanes(settings: typeof OWN_LANES) {
  const [clock, log] = [new FakeClock(), new RecordedLog()];
  const lanes = new Lanes({ settings, clock, log });
  opened.push(lanes);
  return { lanes, clock, log };
}

const loadAdder = (lanes: Lanes, file = modelFile) => lanes.load(anOnnxLoad(file, { modelName: 'adder' }));
/** A model whose every run ends its thread. */
const loadBomb = (lanes: Lanes, modelName = 'bomb') =>
  lanes.load(anIdentityLoad({ fault: 'exit' }, { modelName }));

const explode = (bomb: Executor): Promise<unknown> =>
  bomb.run({ inputs: [int32Tensor('X', [1])], outputs: ['OUTPUT0'] });

async function add(executor: Executor, a: number, b: number): Promise<number[]> {
  const { outputs } = await executor.run({
    inputs: [int32Tensor('INPUT0', [a]), int32Tensor('INPUT1', [b])],
    outputs: ['OUTPUT0'],
  });
  return outputs.flatMap(int32Values);
}

/** Resolves when the executor is available, in real time: a thread starts and a model loads meanwhile. */
function becomesAvailable(executor: Executor): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (executor.available) resolve();
    };
    executor.onAvailability(check);
    check();
  });
}

describe('when the thread of a lane dies', () => {
  it('everything in it fails at once and other lanes never notice', async () => {
    const { lanes, log } = openLanes(OWN_LANES);
    const [bomb, adder] = await Promise.all([loadBomb(lanes), loadAdder(lanes)]);
    const seen: boolean[] = [];
    bomb.onAvailability(() => seen.push(bomb.available));
    adder.onAvailability(() => seen.push(adder.available));
    const [lost, queued, sum] = await Promise.allSettled([explode(bomb), explode(bomb), add(adder, 1, 2)]);
    expect(lost).toEqual({ status: 'rejected', reason: queueErrors.laneLost('bomb') });
    expect(queued).toEqual({ status: 'rejected', reason: queueErrors.laneLost('bomb') });
    expect(sum).toEqual({ status: 'fulfilled', value: [3] });
    expect(seen).toEqual([false]);
    expect(await add(adder, 3, 4)).toEqual([7]);
    expect(log.messages('error')).toContain('a lane thread has stopped, what it held is loaded again');
  });

  it('its instances refuse runs until they are back, and work again then', async () => {
    const { lanes, clock } = openLanes(ONE_LANE);
    const [bomb, adder] = await Promise.all([loadBomb(lanes), loadAdder(lanes)]);
    // The one behind the bomb in the queue is lost with it.
    const [lost, alsoLost] = await Promise.allSettled([explode(bomb), add(adder, 1, 2)]);
    expect(lost).toMatchObject({ reason: queueErrors.laneLost('bomb') });
    expect(alsoLost).toMatchObject({ reason: queueErrors.laneLost('adder') });
    expect([bomb.available, adder.available]).toEqual([false, false]);
    await expect(add(adder, 1, 2)).rejects.toEqual(queueErrors.noInstance('adder'));
    expect(lanes.status).toMatchObject({ lanes: [{ available: 0 }], replaced: 0 });

    await clock.advance(100e6);
    await Promise.all([becomesAvailable(bomb), becomesAvailable(adder)]);
    expect(await add(adder, 1, 2)).toEqual([3]);
    expect(lanes.status).toMatchObject({ lanes: [{ available: 2 }], replaced: 1 });
  });

  it('the reloads come more and more slowly while it goes on dying', async () => {
    const { lanes, clock } = openLanes(ONE_LANE);
    const bomb = await loadBomb(lanes);
    for (const delayNs of [100e6, 200e6, 400e6]) {
      await expect(explode(bomb)).rejects.toEqual(queueErrors.laneLost('bomb'));
      expect(clock.nextTimerNs - clock.nowNs()).toBe(delayNs);
      await clock.advance(delayNs - 1);
      expect(bomb.available).toBe(false);
      await clock.advance(1);
      await becomesAvailable(bomb);
    }
    expect(lanes.status.replaced).toBe(3);
  });

  it('an instance that can not be loaded again is tried until it can', async () => {
    const { lanes, clock, log } = openLanes(ONE_LANE);
    const ownFile = writeModel(addSub(['batch', 1]));
    const [bomb, adder] = await Promise.all([loadBomb(lanes), loadAdder(lanes, ownFile)]);
    renameSync(ownFile, `${ownFile}.away`);
    await expect(explode(bomb)).rejects.toThrow();
    await clock.advance(100e6);
    await becomesAvailable(bomb);
    await expect.poll(() => log.messages('error')).toContain('reload failed');
    expect(adder.available).toBe(false);

    renameSync(`${ownFile}.away`, ownFile);
    await expect.poll(() => clock.nextTimerNs - clock.nowNs()).toBe(200e6);
    await clock.advance(200e6);
    await becomesAvailable(adder);
    expect(await add(adder, 2, 2)).toEqual([4]);
    // The lane itself was replaced once only.
    expect(lanes.status.replaced).toBe(1);
    removeModel(ownFile);
  });

  it('a model that is being loaded there fails to load', async () => {
    const { lanes } = openLanes(ONE_LANE);
    const bomb = await loadBomb(lanes);
    const [, loading] = await Promise.allSettled([explode(bomb), loadAdder(lanes)]);
    expect(loading).toMatchObject({
      reason: new Error("the worker thread stopped while it loaded model 'adder'"),
    });
    // The next one needs not wait for the reload.
    const adder = await loadAdder(lanes);
    expect(await add(adder, 5, 6)).toEqual([11]);
    expect(bomb.available).toBe(false);
  });

  it('an instance can be unloaded while it waits for its reload', async () => {
    const { lanes, clock } = openLanes(ONE_LANE);
    const bomb = await loadBomb(lanes);
    await expect(explode(bomb)).rejects.toThrow();
    await bomb.unload();
    expect(clock.pendingTimers).toBe(0);
    expect(lanes.status).toEqual({ lanes: [], replaced: 0 });
  });

  it('an instance can be unloaded in the middle of its reload', async () => {
    const { lanes, clock, log } = openLanes(ONE_LANE);
    const [bomb, adder] = await Promise.all([loadBomb(lanes), loadAdder(lanes)]);
    await expect(explode(bomb)).rejects.toThrow();
    await clock.advance(100e6);
    await bomb.unload();
    await becomesAvailable(adder);
    expect(bomb.available).toBe(false);
    expect(lanes.status.lanes).toMatchObject([{ instances: ['adder_0'], available: 1 }]);
    expect(await add(adder, 1, 1)).toEqual([2]);
    expect(log.messages('error')).not.toContain('reload failed');
  });

  it('all lanes can be closed while one waits for its reload', async () => {
    const { lanes, clock } = openLanes(OWN_LANES);
    const [bomb] = await Promise.all([loadBomb(lanes), loadAdder(lanes)]);
    await expect(explode(bomb)).rejects.toThrow();
    await lanes.close();
    expect(clock.pendingTimers).toBe(0);
    expect(lanes.status.lanes).toEqual([]);
  });
});
