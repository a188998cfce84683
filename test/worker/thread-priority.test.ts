import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';
import { Lane } from '#naiad/worker/lane.js';
import { Lanes } from '#naiad/worker/lanes.js';
import { anIdentityLoad, anOnnxLoad, int32Tensor, removeModel, writeModel } from '../support/instances.js';
import { addSub } from '../support/onnx.js';
import { RecordedLog } from '../support/recorded-log.js';

const NORMAL = getPriority(0);
const LOW = NORMAL + 10;
const DIST = pathToFileURL(resolve(import.meta.dirname, '../../dist/')).href;
/** An account without rights. */
const NOBODY = 65_534;

/** Elsewhere threads have no priorities of their own, and without the right to it none comes back up. */
const CAN_RESTORE = await inThread<boolean>(`
  const { getPriority, setPriority } = require('node:os');
  const normal = getPriority(0);
  try {
    if (process.platform === 'linux') setPriority(0, normal + 1);
    setPriority(0, normal);
    answer(process.platform === 'linux');
  } catch {
    answer(false);
  }
`);

const modelFile = writeModel(addSub(['batch', 4]));
afterAll(() => removeModel(modelFile));

const closers: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(closers.splice(0).map((closer) => closer.close())));

function openLanes({ gentle = true, cpuLanes = 0 } = {}): Lanes {
  const settings = { cores: 2, cpuLanes, cpuLanesMax: 8 };
  const gentleLoads = (): boolean => gentle;
  const lanes = new Lanes({ settings, clock: systemClock, log: new RecordedLog(), gentleLoads });
  closers.push(lanes);
  return lanes;
}

/** Niceness of every thread of this process. */
function niceness(): number[] {
  return readdirSync('/proc/self/task').flatMap((id) => {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8');
      // Behind the name in brackets: state, then 15 other fields.
      return [Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])];
    } catch {
      return [];
    }
  });
}

/** Every niceness that any thread has while `work` goes on. */
async function nicenessDuring(work: Promise<unknown>): Promise<number[]> {
  const seen = new Set<number>();
  let goesOn = true;
  const done = work.finally(() => {
    goesOn = false;
  });
  while (goesOn) {
    for (const nice of niceness()) seen.add(nice);
    await setImmediate();
  }
  await done;
  return [...seen].sort((a, b) => a - b);
}

/** What CommonJS code answers in a thread, once that has ended; the code has `data` and `answer`. */
async function inThread<T>(code: string, data: unknown = null): Promise<T> {
  const worker = new Worker(
    `const { parentPort, workerData: data } = require('node:worker_threads');
     const answer = (value) => parentPort.postMessage(value);
     ${code}`,
    { eval: true, workerData: data },
  );
  const [[answer]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  return answer;
}

interface SessionThreads {
  readonly ownWhileLow: number;
  readonly mainWhileLow: number;
  readonly startedWhileLow: readonly number[];
  readonly restored: boolean;
  readonly after: readonly number[];
}

describe.runIf(CAN_RESTORE)('a lowered priority', () => {
  it('is inherited by the threads of a session, and taken back from them too', async () => {
    const threads = await inThread<SessionThreads>(
      `
      const { readdirSync, readFileSync } = require('node:fs');
      const { InferenceSession } = require('onnxruntime-node');
      const ids = () => readdirSync('/proc/self/task').map(Number);
      const nice = (id) => {
        const stat = readFileSync('/proc/self/task/' + id + '/stat', 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
      };
      const ownId = Number(require('node:fs').readlinkSync('/proc/thread-self').split('/').at(-1));
      (async () => {
        const { lowerPriority } = await import(data.module);
        const before = new Set(ids());
        const lowered = lowerPriority();
        const session = await InferenceSession.create(data.modelFile, { intraOpNumThreads: 3 });
        const started = ids().filter((id) => !before.has(id));
        const whileLow = {
          ownWhileLow: nice(ownId),
          mainWhileLow: nice(process.pid),
          startedWhileLow: started.map(nice),
        };
        const restored = lowered.restore();
        answer({ ...whileLow, restored, after: [ownId, ...started].map(nice) });
        await session.release();
      })();
      `,
      { module: `${DIST}/worker/thread-priority.js`, modelFile },
    );
    expect(threads).toEqual({
      ownWhileLow: LOW,
      mainWhileLow: NORMAL,
      startedWhileLow: [LOW, LOW],
      restored: true,
      after: [NORMAL, NORMAL, NORMAL],
    });
  });
});

describe.runIf(CAN_RESTORE)('a load', () => {
  const threeThreads = { intra_op_thread_count: '3' };

  it('is gentle where that is wanted, and all threads are as before when it has ended', async () => {
    const lanes = openLanes();
    const threadsBefore = niceness().length;
    const loading = lanes.load(anOnnxLoad(modelFile, { parameters: threeThreads }));
    // From its start on, of all threads the lane's alone.
    expect(niceness().filter((nice) => nice !== NORMAL)).toEqual([LOW]);
    expect(await nicenessDuring(loading)).toEqual([NORMAL, LOW]);
    // The lane's and the two of its session.
    expect(niceness().length).toBeGreaterThanOrEqual(threadsBefore + 3);
    expect(new Set(niceness())).toEqual(new Set([NORMAL]));
  });

  it('that fails gives the priority back as well', async () => {
    const lane = new Lane({ id: 1, log: new RecordedLog(), onLost: () => {}, onSlowed: () => {} });
    closers.push(lane);
    const { options } = anOnnxLoad('/nowhere/model.onnx');
    const loading = lane.load(1, 'onnxruntime', options, { lowPriority: true });
    const outcome = loading.then(() => 'loaded', String);
    expect(await nicenessDuring(outcome)).toEqual([NORMAL, LOW]);
    expect(await outcome).toContain("File doesn't exist");
    expect(new Set(niceness())).toEqual(new Set([NORMAL]));
  });

  it.each([
    ['when that is not wanted', { gentle: false }, {}],
    ['when requests wait for it', {}, { urgent: true }],
  ])('is not gentle %s', async (_, options, request) => {
    const loading = openLanes(options).load({ ...anOnnxLoad(modelFile), ...request });
    expect(await nicenessDuring(loading)).toEqual([NORMAL]);
  });

  it('is not gentle in a lane with other instances, which would wait for it', async () => {
    const lanes = openLanes({ cpuLanes: 1 });
    expect(await nicenessDuring(lanes.load(anIdentityLoad()))).toEqual([NORMAL, LOW]);
    expect(await nicenessDuring(lanes.load(anOnnxLoad(modelFile)))).toEqual([NORMAL]);
  });

  it('is not gentle when it replaces what a dead thread held', async () => {
    const lanes = openLanes();
    const bomb = await lanes.load(anIdentityLoad({ fault: 'exit' }));
    const isBack = new Promise<void>((resolve) => bomb.onAvailability(() => bomb.available && resolve()));
    await expect(bomb.run({ inputs: [int32Tensor('X', [1])], outputs: ['OUTPUT0'] })).rejects.toThrow();
    expect(await nicenessDuring(isBack)).toEqual([NORMAL]);
  });
});

describe.runIf(process.platform === 'linux' && (!CAN_RESTORE || canBecomeNobody()))(
  'where a thread may not get its priority back',
  () => {
    it('one load finds out, the log tells it once, and no other load is gentle', async () => {
      const script = `
        import { readdirSync } from 'node:fs';
        import { getPriority } from 'node:os';
        const { systemClock } = await import('${DIST}/lib/clock.js');
        const { Lanes } = await import('${DIST}/worker/lanes.js');
        const warnings = [];
        const log = { trace() {}, debug() {}, info() {}, error() {}, warn: (_, text) => warnings.push(text) };
        const settings = { cores: 2, cpuLanes: 0, cpuLanesMax: 8 };
        const lanes = new Lanes({ settings, clock: systemClock, log, gentleLoads: () => true });
        const slow = () =>
          readdirSync('/proc/self/task').filter((id) => getPriority(Number(id)) !== getPriority(0)).length;
        const slowAfter = [];
        for (let load = 0; load < 3; load++) {
          await lanes.load(${JSON.stringify(anIdentityLoad())});
          slowAfter.push(slow());
        }
        await lanes.close();
        console.log(JSON.stringify({ warnings: warnings.map((text) => text.slice(0, 51)), slowAfter }));
      `;
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '-e', script],
        CAN_RESTORE ? { uid: NOBODY, gid: NOBODY } : {},
      );
      expect(JSON.parse(stdout)).toEqual({
        warnings: ['a lane thread could not get its priority back after'],
        slowAfter: [1, 1, 1],
      });
    });
  },
);

/** Whether this process may start one without rights that can read the code. */
function canBecomeNobody(): boolean {
  const code = `require('node:fs').accessSync(${JSON.stringify(resolve(import.meta.dirname, '../../dist/worker/lanes.js'))})`;
  return spawnSync(process.execPath, ['-e', code], { uid: NOBODY, gid: NOBODY }).status === 0;
}
