import { existsSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';
import { ArtifactCache } from '#naiad/repository/artifact-cache.js';
import { TreeCache } from '#naiad/repository/tree-cache.js';
import { ThreadedStore } from '#naiad/worker/prepare/threaded-store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { TestRepository } from '../../support/repository.js';

const LONG_AGO_MS = 2 * 3600_000;

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The model file of an artifact that was used last two hours ago. */
async function anArtifact(directory: string, content: string): Promise<string> {
  const trees = new TreeCache({
    directory,
    bytesMax: Number.POSITIVE_INFINITY,
    clock: systemClock,
    held: () => new Set(),
  });
  const artifacts = new ArtifactCache(trees, systemClock);
  const begun = artifacts.begin(1);
  writeFileSync(join(begun.directory, 'model.onnx'), content);
  const label = { model: 'm', version: 1, made: 'compiled' };
  const key = Buffer.from(content).toString('hex').padEnd(64, '0');
  const made = await artifacts.publish(begun.draft, key, label, null);
  trees.close();
  const file = join(made.directory ?? '', 'model.onnx');
  const seconds = (systemClock.wallMs() - LONG_AGO_MS) / 1000;
  utimesSync(dirname(dirname(file)), seconds, seconds);
  return file;
}

it('what instances were loaded from stays in the cache, however full it is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const loaded = await anArtifact(directory, 'loaded');
  const unused = await anArtifact(directory, 'unused');
  const repository = new TestRepository();
  cleanups.push(() => repository.remove());
  const clock = new FakeClock();
  const store = new ThreadedStore({
    repositories: [repository.directory],
    artifactCache: directory,
    cacheBytesMax: 1,
    loadedFiles: () => [loaded, join(repository.directory, 'elsewhere', 'model.onnx')],
    clock,
    log: new RecordedLog(),
  });
  cleanups.push(() => store.close());
  await clock.advance(5e9);
  // Calls are answered in their order.
  await store.names();
  expect([existsSync(loaded), existsSync(unused)]).toEqual([true, false]);
  const agoMs = systemClock.wallMs() - statSync(dirname(dirname(loaded))).mtimeMs;
  expect(agoMs).toBeLessThan(LONG_AGO_MS / 2);
});
