import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { TestClient } from '../support/client.js';
import { adder, adderConfig, adderRequest, contentOf } from '../support/reload-models.js';
import { TestRepository } from '../support/repository.js';
import { type Memory, ProbedServer } from './probed-server.js';

const RELOADS = 200;
const WARM_UP = 40;
const REQUESTS = 20;
const GROWTH_MAX = 0.05;

const cleanup: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

it(`holds no more memory after ${RELOADS} reloads than after ${WARM_UP}`, async () => {
  const repository = new TestRepository({
    'm/1/model.onnx': adder(0),
    'm/config.pbtxt': adderConfig(),
  });
  cleanup.push(() => repository.remove());
  const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
  cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
  const server = new ProbedServer(
    `--model-repository=${repository.directory}`,
    `--artifact-cache=${cache}`,
    '--model-control-mode=explicit',
    '--load-model=m',
    '--repository-settle-ms=0',
  );
  let stopped = false;
  cleanup.push(() => (stopped ? null : server.stop()));
  const client = new TestClient(await server.grpcPort);
  cleanup.push(() => client.close());

  const figures: Memory[] = [];
  for (let reload = 1; reload <= RELOADS; reload++) {
    const content = reload % 2;
    writeFileSync(repository.path('m/1/model.onnx'), adder(content));
    await client.call('RepositoryModelLoad', { model_name: 'm' });
    const answers = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, value) =>
        contentOf(await client.infer(adderRequest('m', value)), value),
      ),
    );
    expect(answers).toEqual(answers.map(() => content));
    if (reload % WARM_UP === 0) figures.push(await server.memory());
  }
  for (const [name, bytes] of [
    ['resident', figures.map(({ residentBytes }) => residentBytes)],
    ['without free room of the heap', figures.map(({ usedBytes }) => usedBytes)],
  ] as const) {
    console.info(`${name}: ${bytes.map((value) => `${(value / 1e6).toFixed(1)} MB`).join(', ')}`);
  }
  const growth = (figures.at(-1)?.usedBytes ?? Number.NaN) / (figures[0]?.usedBytes ?? Number.NaN) - 1;
  expect(growth).toBeLessThanOrEqual(GROWTH_MAX);
  stopped = true;
  expect(await server.stop()).toBe(0);
});
