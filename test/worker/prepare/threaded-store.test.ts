import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import type { ArchivedModel, FetchedVersion, ListedModel } from '#naiad/repository/store.js';
import { ThreadedStore, type ThreadedStoreOptions } from '#naiad/worker/prepare/threaded-store.js';
import { FakeClock } from '../../support/fake-clock.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { TestRepository } from '../../support/repository.js';

const DYING_THREAD = join(import.meta.dirname, 'dying-thread.mjs');
const LOST = 'the thread that reads model repositories has stopped, it is started again';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function aRepository(): TestRepository {
  const repository = new TestRepository({
    'm/config.pbtxt': 'max_batch_size: 1',
    'm/1/model.onnx': 'model',
    'n/1/model.onnx': 'model',
  });
  cleanups.push(() => repository.remove());
  return repository;
}

interface Opened {
  readonly store: ThreadedStore;
  readonly log: RecordedLog;
  readonly clock: FakeClock;
  readonly cache: string;
}

function open({ directory }: TestRepository, options: Partial<ThreadedStoreOptions> = {}): Opened {
  const parent = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  cleanups.push(() => rmSync(parent, { recursive: true, force: true }));
  const cache = options.artifactCache ?? join(parent, 'cache');
  const log = new RecordedLog();
  const clock = new FakeClock();
  const store = new ThreadedStore({
    repositories: [directory],
    artifactCache: cache,
    clock,
    log,
    ...options,
  });
  cleanups.push(() => store.close());
  return { store, log, clock, cache };
}

async function findModel(store: ThreadedStore, name = 'm'): Promise<ListedModel> {
  const model = await store.find(name);
  if (model === null) throw new Error(`no model '${name}'`);
  return model;
}

const treeOf = ({ directory }: FetchedVersion): string => dirname(directory);

function aGeneration({ folder }: ListedModel, directory: string, version: FetchedVersion): ArchivedModel {
  const [first] = folder.versions;
  if (first === undefined) throw new Error('no version');
  return {
    id: version.hash,
    savedMs: 1,
    folder: { ...folder, directory, versions: [{ ...first, directory: version.directory }] },
    configOverride: null,
    hashes: [],
    versions: [[first.version, version.hash]],
  };
}

describe('a store behind a thread', () => {
  it('does all that the store of files does', async () => {
    const repository = aRepository();
    const { store, log, cache } = open(repository);
    expect(await store.names()).toEqual(['m', 'n']);
    const { models, unreadable } = await store.list();
    expect([models.map(({ name }) => name), unreadable]).toEqual([['m', 'n'], []]);
    const model = await findModel(store);
    expect(model).toEqual(models[0]);
    expect(await store.find('gone')).toBeNull();
    const files = await store.fetchFiles(model);
    expect([...files.hashes.keys()]).toEqual(['config.pbtxt']);
    const version = await store.fetchVersion(model, 1);
    expect(readFileSync(join(version.directory, 'model.onnx'), 'utf8')).toBe('model');
    await store.archive.save(aGeneration(model, files.directory, version));
    expect((await store.archive.list('m')).map(({ id }) => id)).toEqual([version.hash]);
    expect(await store.mend('m', 1, version.directory)).toBe(false);
    const other = open(repository, { artifactCache: cache, server: 'another' });
    expect(await other.store.archive.list('m')).toEqual([]);
    const sent = await store.put('m', new Map([['3/model.onnx', Buffer.from('sent')]]));
    expect(sent.folder.versions.map(({ version: number }) => number)).toEqual([3]);
    expect((await store.fetchVersion(sent, 3)).hash).not.toBe(version.hash);
    await store.release('m');
    expect(log.lines).toEqual([]);
  });

  it('tells what has changed, and keeps what has not as it was', async () => {
    const repository = aRepository();
    const { store } = open(repository);
    const [m, n] = (await store.list()).models;
    const again = await store.list();
    expect([again.models[0] === m, again.models[1] === n]).toEqual([true, true]);
    repository.write({ 'm/2/model.onnx': '', 'a/1/model.onnx': '' });
    rmSync(repository.path('n'), { recursive: true });
    await findModel(store);
    const [first, second] = (await Promise.all([store.list(), store.list()])).map(({ models }) => models);
    expect(first?.map(({ name }) => name)).toEqual(['a', 'm']);
    expect(first?.[1]?.folder.versions).toHaveLength(2);
    expect(second).toEqual(first);
    rmSync(repository.directory, { recursive: true });
    const gone = await store.list();
    expect([gone.models, gone.unreadable.length]).toEqual([[], 1]);
    repository.write({ 'm/1/model.onnx': '' });
    expect((await store.list()).models).toHaveLength(1);
  });

  it('rejects with errors as they were thrown', async () => {
    const repository = aRepository();
    const { store } = open(repository);
    const model = await findModel(store);
    writeFileSync(repository.path('m/1/model.onnx'), 'more');
    await expect(store.fetchVersion(model, 1)).rejects.toThrow(
      'the files of version 1 changed while they were read',
    );
    const outside = store.put('m', new Map([['..', new Uint8Array()]]));
    await expect(outside).rejects.toThrow(
      "Invalid file parameter 'file:..' with normalized path '..' must stay within model directory.",
    );
    const nameless = await store.put('../m', new Map()).catch((error: unknown) => error);
    expect(nameless).toBeInstanceOf(ServingError);
    expect(nameless).toMatchObject({ code: 'INVALID_ARGUMENT' });
    rmSync(repository.directory, { recursive: true });
    await expect(store.find('m')).rejects.toThrow("can't read model repository");
  });

  it('warns once of a cache that can not be used, and serves without', async () => {
    const repository = aRepository();
    const cache = join(repository.directory, 'file');
    writeFileSync(cache, '');
    const { store, log } = open(repository, { artifactCache: cache });
    const model = await findModel(store);
    expect((await store.fetchVersion(model, 1)).directory).toBe(repository.path('m/1'));
    await store.fetchFiles(model);
    expect(log.messages('warn')).toEqual([
      expect.stringContaining(`can't use the artifact cache '${cache}'`),
    ]);
  });

  it('works with several calls at once, and finishes them before it closes', async () => {
    const repository = aRepository();
    repository.write({ 'm/1/large': Buffer.alloc(4 << 20) });
    const { store, cache } = open(repository);
    const model = await findModel(store);
    const slow = store.fetchVersion(model, 1);
    const quick = store.names();
    const order: string[] = [];
    void slow.then(() => order.push('slow'));
    void quick.then(() => order.push('quick'));
    await store.close();
    await nextTurn();
    expect(order).toEqual(['quick', 'slow']);
    expect(readdirSync(join(cache, 'tmp'))).toEqual([]);
    await expect(store.names()).rejects.toThrow('Server exiting');
    await store.close();
  });

  it('closes without ever having been asked anything', async () => {
    const { store, clock } = open(aRepository());
    expect(clock.pendingTimers).toBe(1);
    await store.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a thread of low priority', () => {
  it.runIf(process.platform === 'linux')('leaves the others as they are', async () => {
    const nice = (): string[] =>
      readdirSync('/proc/self/task')
        .map((id) => readFileSync(`/proc/self/task/${id}/stat`, 'utf8'))
        // Fields after the name, which may hold spaces: the 17th is the niceness.
        .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16] ?? '');
    const before = nice();
    const { store } = open(aRepository());
    await store.names();
    expect(nice().filter((value) => value === '10')).toHaveLength(1);
    expect(nice().filter((value) => value === '0').length).toBeGreaterThanOrEqual(before.length);
  });

  it('tells whether a priority can be had back', async () => {
    const { store } = open(aRepository());
    expect(typeof (await store.canRestorePriority())).toBe('boolean');
    if (process.platform !== 'linux') expect(await store.canRestorePriority()).toBe(false);
    else if (process.getuid?.() === 0) expect(await store.canRestorePriority()).toBe(true);
  });
});

describe('a thread that dies', () => {
  it('fails what it was asked, and is replaced', async () => {
    const repository = aRepository();
    const { store, log } = open(repository, { entry: DYING_THREAD });
    const [before] = (await store.list()).models;
    const calls = [store.find('die'), store.find('die'), store.names()];
    const results = await Promise.allSettled(calls);
    expect(results.slice(0, 2)).toEqual([
      { status: 'rejected', reason: new Error(LOST) },
      { status: 'rejected', reason: new Error(LOST) },
    ]);
    expect((await store.list()).models[0]).toEqual(before);
    expect(await store.names()).toEqual(['m', 'n']);
    expect(log.messages('error')).toEqual(['the preparing thread did not answer']);
  });

  it('while it starts does so too', async () => {
    const repository = aRepository();
    const fault = repository.path('.fault');
    process.env.NAIAD_TEST_DIE_AT_START = fault;
    writeFileSync(fault, '');
    const { store } = open(repository, { entry: DYING_THREAD });
    await expect(store.names()).rejects.toThrow(LOST);
    expect(await store.names()).toEqual(['m', 'n']);
    delete process.env.NAIAD_TEST_DIE_AT_START;
  });

  it('leaves what is in use to its successor', async () => {
    const { store, clock, cache } = open(aRepository(), { entry: DYING_THREAD, cacheBytesMax: 0 });
    const model = await findModel(store);
    const files = await store.fetchFiles(model);
    const version = await store.fetchVersion(model, 1);
    await store.archive.save(aGeneration(model, files.directory, version));
    const other = await store.fetchVersion(await findModel(store, 'n'), 1);
    await store.find('die').catch(() => {});
    for (const path of [treeOf(version), treeOf(other)]) utimesSync(path, 1, 1);
    await store.release('n');
    await clock.advance(600e9);
    await store.names();
    expect(statSync(treeOf(version)).mtimeMs).toBeGreaterThan(1e12);
    expect(readdirSync(join(cache, 'trees'))).toContain(version.hash);
  });
});

describe('what is in use', () => {
  it('is said to be so from time to time', async () => {
    const { store, clock } = open(aRepository());
    const version = await store.fetchVersion(await findModel(store), 1);
    for (const waitNs of [5e9, 600e9]) {
      utimesSync(treeOf(version), 1, 1);
      await clock.advance(waitNs);
      await store.names();
      expect(statSync(treeOf(version)).mtimeMs).toBeGreaterThan(1e12);
    }
  });
});
