import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { ControlMode } from '#naiad/settings/settings.js';
import { TestClient } from '../support/client.js';
import { ReloadLog } from '../support/reload-log.js';
import { adder, adderConfig } from '../support/reload-models.js';
import { TestRepository } from '../support/repository.js';
import { startLoggedServer, type TestServer, testLifecycle } from '../support/server.js';
import { ClosedLoop } from './closed-loop.js';
import { Published } from './published.js';
import { type Outcome, ReloadedModel, type Step } from './reloaded-model.js';

const OUTSTANDING = 16;
const RELOADS = 50;
/** Loads leave the processors to others. */
const PATIENCE_MS = 120_000;

/** A slow copy must take longer than a round, with pauses shorter than the settle time. */
const TIMES: Record<'poll' | 'explicit', { pollSecs: number; settleMs: number; pieceMs: number }> = {
  poll: { pollSecs: 0.3, settleMs: 250, pieceMs: 40 },
  explicit: { pollSecs: 0.3, settleMs: 100, pieceMs: 5 },
};

const cleanup: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** The threads that hold an instance of a model. */
function lanesOf({ server }: TestServer, model: string): number[] {
  return server
    .status()
    .lanes.lanes.filter(({ instances }) => instances.some((name) => name.startsWith(`${model}_`)))
    .map(({ id }) => id);
}

/** Has a step done and seen by the server; resolves when what it replaced is gone. */
async function take(
  step: Step,
  mode: ControlMode,
  test: TestServer<ReloadLog>,
  model: ReloadedModel,
): Promise<void> {
  const before = lanesOf(test, 'm');
  const from = test.log.happenings.length;
  const { event, version, keepsSessions }: Outcome = await step();
  if (mode === 'explicit') {
    const load = { model_name: 'm' };
    if (event === 'ready') await test.client.call('RepositoryModelLoad', load);
    else await expect(test.client.call('RepositoryModelLoad', load)).rejects.toMatchObject({ code: 3 });
  }
  await test.log.next({ model: 'm', event, version }, from);
  await vi.waitFor(() => expect(lanesOf(test, 'm')).toHaveLength(model.instances), { timeout: PATIENCE_MS });
  const isNew = lanesOf(test, 'm').some((lane) => !before.includes(lane));
  expect(isNew, 'new sessions').toBe(!keepsSessions);
}

it.each(['poll', 'explicit'] as const)(
  `answers every request through ${RELOADS} reloads in %s mode`,
  async (mode) => {
    const { pieceMs, ...times } = TIMES[mode];
    const repository = new TestRepository({
      'steady/config.pbtxt': adderConfig('dynamic_batching { max_queue_delay_microseconds: 30000 }'),
      'steady/1/model.onnx': adder(7),
    });
    cleanup.push(() => repository.remove());
    const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
    cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
    const log = new ReloadLog(PATIENCE_MS);
    const published = new Published(log, 'm');
    const steady = new Published(log, 'steady');
    steady.writes(1, 7);
    const model = new ReloadedModel(repository.directory, 'm', published, pieceMs);
    const test = await startLoggedServer(log, {
      modelRepositories: [repository.directory],
      lifecycle: testLifecycle({ controlMode: mode, loadModels: null, artifactCache: cache, ...times }),
    });
    cleanup.push(() => test.stop());
    const clients = [0, 1].map(() => new TestClient(test.server.grpcPort ?? 0));
    cleanup.push(() => {
      for (const client of clients) client.close();
    });
    const [first, second] = clients as [TestClient, TestClient];
    const loop = new ClosedLoop(first, 'm', OUTSTANDING, published);
    const other = new ClosedLoop(second, 'steady', 2, steady);

    const kinds = Object.entries(model.kinds);
    let reloads = 0;
    const failures = () => log.happenings.filter(({ event }) => event === 'failed').length;
    for (let round = 0; reloads < RELOADS; round++) {
      // Each round in another order, so that each kind follows each.
      for (const [kind, steps] of kinds.toSorted(([a], [b]) => order(a, round) - order(b, round))) {
        for (const step of steps) {
          await take(step, mode, test, model).catch((error: unknown) => {
            throw new Error(`${kind}, round ${round}: ${String(error)}`, { cause: error });
          });
        }
        reloads++;
      }
    }
    await Promise.all([loop.stop(), other.stop()]);
    expect({ wrong: loop.wrongCount, told: loop.wrong }).toEqual({ wrong: 0, told: [] });
    expect({ wrong: other.wrongCount, told: other.wrong }).toEqual({ wrong: 0, told: [] });
    // Nothing but what was corrupted: unless this machine stood still in a copy, for as long as the settle time.
    if (model.pauseMs < times.settleMs) expect(failures()).toBe(RELOADS / kinds.length);
    expect(log.happenings.filter(({ model: name }) => name === 'steady')).toMatchObject([
      { event: 'loading' },
      { event: 'ready' },
    ]);
    expect(test.server.status().leases).toBe(0);
    expect(lanesOf(test, 'm')).toHaveLength(model.instances);
    expect(lanesOf(test, 'steady')).toHaveLength(1);
    expect(test.server.status().lanes.replaced).toBe(0);
    console.info(
      `${mode}: ${loop.answered} + ${other.answered} requests, ${reloads} reloads, longest pause of a copy ${model.pauseMs.toFixed(0)} ms`,
    );
  },
);

/** Some order of the kinds, another one in each round. */
function order(kind: string, round: number): number {
  let hash = round + 1;
  for (const character of kind) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0;
  return Math.imul(hash, 2654435761) >>> 0;
}
