import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CacheError } from '#naiad/repository/hash-files.js';
import type { OpenStore, StorePlaces } from '#naiad/repository/open-file-store.js';
import { TreeCache } from '#naiad/repository/tree-cache.js';
import type { Part } from '#naiad/repository/walk.js';
import type { TestRepository } from '../support/repository.js';
import { findModel, namesIn, Workbench } from './harness.js';

const bench = new Workbench();
afterEach(() => {
  bench.remove();
  bench.clock.aheadMs = 10_000;
});

const HOUR_MS = 3600_000;
const KILOBYTE = 'x'.repeat(1000);

/** A repository with models `a`, `b`, ... of one version of 1000 bytes each. */
function models(...names: string[]): TestRepository {
  return bench.repository(
    Object.fromEntries(names.map((name) => [`${name}/1/model.onnx`, name + KILOBYTE.slice(name.length)])),
  );
}

/** Fetches version 1 of a model; returns the name of its tree. */
async function fetch(opened: OpenStore, name: string): Promise<string> {
  const { hash } = await opened.store.fetchVersion(await findModel(opened, name), 1);
  return hash;
}

const trees = (cache: string): string[] => namesIn(join(cache, 'trees'));

describe('a full cache', () => {
  const open = (repository: TestRepository, artifactCache: string, places: Partial<StorePlaces> = {}) =>
    bench.open(repository, { artifactCache, cacheBytesMax: 2500, ...places });

  it('gives up what was not used for longest', async () => {
    const cache = bench.cache();
    const repository = models('a', 'b', 'c', 'd');
    const before = open(repository, cache);
    const a = await fetch(before, 'a');
    const b = await fetch(before, 'b');
    bench.clock.aheadMs += 2 * HOUR_MS;
    const now = open(repository, cache);
    expect(await fetch(now, 'a')).toBe(a);
    const c = await fetch(now, 'c');
    expect(trees(cache)).toEqual([a, c].sort());
    expect(b).not.toBe(a);
    now.store.tend();
    expect(namesIn(join(cache, 'memo'))).toHaveLength(2);
  });

  it('keeps what this process uses, for however long it does', async () => {
    const cache = bench.cache();
    const opened = open(models('a', 'b', 'c', 'd'), cache);
    const first = [await fetch(opened, 'a'), await fetch(opened, 'b'), await fetch(opened, 'c')];
    bench.clock.aheadMs += 2 * HOUR_MS;
    const d = await fetch(opened, 'd');
    expect(trees(cache)).toEqual([...first, d].sort());
    opened.store.tend();
    expect(trees(cache)).toEqual([...first, d].sort());
    await opened.store.release('b');
    opened.store.tend();
    expect(trees(cache)).toEqual([first[0], first[2], d].sort());
  });

  it('gives up at once what this process alone has used and does not need any more', async () => {
    const cache = bench.cache();
    const repository = models('a', 'b', 'c', 'd', 'e');
    const opened = open(repository, cache);
    const a = await fetch(opened, 'a');
    bench.clock.aheadMs += 1000;
    const b = await fetch(opened, 'b');
    await opened.store.release('b');
    await opened.store.release('a');
    // The oldest first, and no more than has to go.
    const c = await fetch(opened, 'c');
    expect(trees(cache)).toEqual([b, c].sort());
    // What is wanted again is in use again, and what another server wants too stays.
    expect(await fetch(opened, 'b')).toBe(b);
    bench.clock.aheadMs += 1000;
    const other = open(repository, cache);
    expect(await fetch(other, 'c')).toBe(c);
    await opened.store.release('c');
    const d = await fetch(opened, 'd');
    expect(trees(cache)).toEqual([b, c, d].sort());
    await opened.store.release('b');
    const e = await fetch(opened, 'e');
    expect(trees(cache)).toEqual([c, d, e].sort());
    expect(a).not.toBe(e);
  });

  it('keeps what another server has used lately', async () => {
    const cache = bench.cache();
    const repository = models('a', 'b', 'c');
    const other = open(repository, cache);
    const used = [await fetch(other, 'a'), await fetch(other, 'b')];
    const [a] = used;
    bench.clock.aheadMs += 0.9 * HOUR_MS;
    await other.store.release('b');
    other.store.tend();
    bench.clock.aheadMs += 0.9 * HOUR_MS;
    const c = await fetch(open(repository, cache), 'c');
    expect(trees(cache)).toEqual([a, c].sort());
  });

  it('gives up copies for room on the device, and says when that is not enough', async () => {
    const directory = bench.cache();
    let free = 3000;
    const cache = new TreeCache({
      directory,
      bytesMax: 1e9,
      clock: bench.clock,
      held: () => new Set(),
      freeBytes: () => free - trees(directory).length * 1000,
    });
    const part = (name: string): Part => {
      const repository = models(name);
      const file = { path: 'model.onnx', size: 1000, stamp: '' };
      const { size, mtimeNs, ctimeNs, ino } = statSync(repository.path(`${name}/1/model.onnx`), {
        bigint: true,
      });
      return {
        directory: repository.path(`${name}/1`),
        files: [{ ...file, stamp: `${size}:${mtimeNs}:${ctimeNs}:${ino}` }],
        names: [],
        signature: '',
        changedMs: 0,
        finelyTimed: true,
        findings: [],
      };
    };
    const first: string[] = [];
    for (const name of ['a', 'b', 'c']) first.push((await cache.save(part(name), () => {})).hash);
    await expect(cache.save(part('d'), () => {})).rejects.toThrow(CacheError);
    expect(trees(directory)).toEqual(first.sort());
    bench.clock.aheadMs += 2 * HOUR_MS;
    const d = await cache.save(part('d'), () => {});
    expect(trees(directory)).toContain(d.hash);
    expect(trees(directory)).toHaveLength(3);
    free = 0;
    await expect(cache.save(part('e'), () => {})).rejects.toThrow(
      'its device has no space left for 1000 bytes',
    );
  });
});

describe('a system that refuses to rename onto a folder, as Windows does', () => {
  const { renameSync } = fs;
  afterEach(() => {
    fs.renameSync = renameSync;
    syncBuiltinESMExports();
  });

  it('has a damaged copy replaced all the same', async () => {
    const cache = bench.cache();
    const repository = models('a');
    const hash = await fetch(bench.open(repository, { artifactCache: cache }), 'a');
    const copy = join(cache, 'trees', hash, 'files/model.onnx');
    chmodSync(copy, 0o600);
    writeFileSync(copy, 'cut off');
    fs.renameSync = (from, to) => {
      if (existsSync(to) && statSync(to).isDirectory()) {
        throw Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' });
      }
      renameSync(from, to);
    };
    syncBuiltinESMExports();
    expect(await fetch(bench.open(repository, { artifactCache: cache }), 'a')).toBe(hash);
    expect(statSync(copy).size).toBe(1000);
  });
});

describe('a tree that is read whole', () => {
  it('is sound while every byte is as it was written, and is told of otherwise', async () => {
    const cache = bench.cache();
    const hash = await fetch(bench.open(models('a'), { artifactCache: cache }), 'a');
    const found = new TreeCache({
      directory: cache,
      bytesMax: 1e9,
      clock: bench.clock,
      held: () => new Set(),
    });
    expect(await found.isSound(hash)).toBe(true);
    expect(await found.verify(hash)).toBe('');
    const copy = join(cache, 'trees', hash, 'files/model.onnx');
    chmodSync(copy, 0o600);
    writeFileSync(copy, `b${KILOBYTE.slice(1)}`);
    expect(await found.isSound(hash)).toBe(false);
    expect(await found.verify(hash)).toBe("'model.onnx' has another content than it was written with");
    expect(await found.isSound('0'.repeat(64))).toBe(false);
  });

  it('is no longer read once nobody waits for it', async () => {
    const cache = bench.cache();
    const hash = await fetch(bench.open(models('a'), { artifactCache: cache }), 'a');
    const found = new TreeCache({
      directory: cache,
      bytesMax: 1e9,
      clock: bench.clock,
      held: () => new Set(),
    });
    const stopped = AbortSignal.abort(new Error('the server is stopping'));
    await expect(found.isSound(hash, stopped)).rejects.toThrow('the server is stopping');
  });
});

describe('a cache of several servers', () => {
  it('takes the same files from all at once', async () => {
    const cache = bench.cache();
    const repository = models('a', 'b');
    const servers = Array.from({ length: 4 }, () => bench.open(repository, { artifactCache: cache }));
    const hashes = await Promise.all(
      servers.flatMap((server) => [fetch(server, 'a'), fetch(server, 'b'), fetch(server, 'a')]),
    );
    expect(new Set(hashes).size).toBe(2);
    expect(trees(cache)).toEqual([...new Set(hashes)].sort());
    for (const server of servers) server.store.close();
    expect(namesIn(join(cache, 'tmp'))).toEqual([]);
  });

  it('takes the copy that another server has finished first', async () => {
    const cache = bench.cache();
    const repository = bench.repository({ 'm/1/model.onnx': 'x'.repeat(3 << 20) });
    const slow = bench.open(repository, { artifactCache: cache });
    const fast = bench.open(repository, { artifactCache: cache });
    const model = await findModel(slow, 'm');
    const fetching = slow.store.fetchVersion(model, 1);
    const version = await fast.store.fetchVersion(model, 1);
    const inode = statSync(version.directory).ino;
    expect(await fetching).toEqual(version);
    expect(statSync(version.directory).ino).toBe(inode);
  });

  it('loses nothing that is being looked at while it is to go', async () => {
    const cache = bench.cache();
    const repository = models('a', 'b');
    const hash = await fetch(bench.open(repository, { artifactCache: cache }), 'a');
    bench.clock.aheadMs += 2 * HOUR_MS;
    const [reader, cleaner] = [1, 2].map(() =>
      bench.open(repository, { artifactCache: cache, cacheBytesMax: 0 }),
    );
    if (reader === undefined || cleaner === undefined) throw new Error('two were opened');
    expect(await fetch(reader, 'a')).toBe(hash);
    const changedNs = (): bigint => statSync(join(cache, 'trees', hash), { bigint: true }).ctimeNs;
    const before = changedNs();
    await fetch(cleaner, 'b');
    expect(trees(cache)).toContain(hash);
    // Not even for a moment.
    expect(changedNs()).toBe(before);
  });
});

describe('what processes that are gone have left', () => {
  function leftBy(cache: string, owner: string): string {
    const directory = join(cache, 'tmp', owner);
    mkdirSync(join(directory, '0/files'), { recursive: true });
    writeFileSync(join(directory, '0/files/model.onnx'), 'half');
    chmodSync(join(directory, '0/files/model.onnx'), 0o444);
    return directory;
  }

  it('is removed before a device is said to be full', () => {
    const directory = bench.cache();
    const draft = new TreeCache({
      directory,
      bytesMax: 1e9,
      clock: bench.clock,
      held: () => new Set(),
    }).draft();
    const machine = draft.split('/').at(-2)?.split('-')[0];
    const gone = leftBy(directory, `${machine}-${spawnSync(process.execPath, ['-e', '']).pid}-uuid`);
    const cache = new TreeCache({
      directory,
      bytesMax: 1e9,
      clock: bench.clock,
      held: () => new Set(),
      freeBytes: () => (existsSync(gone) ? 0 : 1000),
    });
    expect(() => cache.reserve(1000)).not.toThrow();
  });

  it('is removed, what the living have not', async () => {
    const cache = bench.cache();
    const opened = bench.open(models('a', 'b'), { artifactCache: cache });
    await fetch(opened, 'a');
    const [own] = namesIn(join(cache, 'tmp'));
    const machine = own?.split('-')[0];
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const gone = leftBy(cache, `${machine}-${dead}-uuid`);
    const living = leftBy(cache, `${machine}-${process.ppid}-uuid`);
    const elsewhere = leftBy(cache, `another-${dead}-uuid`);
    for (const path of [living, elsewhere]) {
      const seconds = bench.clock.wallMs() / 1000;
      utimesSync(path, seconds, seconds);
    }
    opened.store.tend();
    expect([gone, living, elsewhere].map((path) => existsSync(path))).toEqual([false, true, true]);
    bench.clock.aheadMs += 2 * HOUR_MS;
    opened.store.tend();
    expect([living, elsewhere].map((path) => existsSync(path))).toEqual([false, false]);
    expect(namesIn(join(cache, 'tmp'))).toEqual([own]);
  });
});

describe('a cache of an ordinary user', () => {
  const SCRIPT = `
    import { openFileStore } from '#naiad/repository/open-file-store.js';
    import { systemClock } from '#naiad/lib/clock.js';
    let aheadMs = 10_000;
    const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs };
    const [repository, artifactCache] = process.argv.slice(1);
    const open = (cacheBytesMax) =>
      openFileStore({ repositories: [repository], artifactCache, cacheBytesMax }, clock, console.log).store;
    const first = open(1e9);
    for (const name of ['a', 'b']) {
      const model = await first.find(name);
      await first.fetchFiles(model);
      console.log((await first.fetchVersion(model, 1)).directory);
    }
    aheadMs += 2 * ${HOUR_MS};
    const second = open(0);
    second.tend();
    second.close();
    first.close();`;

  it('is written, and cleared though nothing in it may be written to', () => {
    const cache = bench.cache();
    const repository = models('a', 'b');
    chmodSync(repository.directory, 0o755);
    chmodSync(dirname(cache), 0o777);
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const run = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', SCRIPT, repository.directory, cache],
      { encoding: 'utf8', cwd: join(import.meta.dirname, '../..'), ...nobody },
    );
    expect(run.stderr).toBe('');
    const directories = run.stdout.trim().split('\n');
    expect(directories).toHaveLength(2);
    expect(directories.every((directory) => directory.startsWith(join(cache, 'trees')))).toBe(true);
    expect([trees(cache), namesIn(join(cache, 'tmp'))]).toEqual([[], []]);
  });
});

describe('a tree that goes', () => {
  it('can still be read by whoever has it open, or mapped', async () => {
    const cache = bench.cache();
    const opened = bench.open(models('a'), { artifactCache: cache, cacheBytesMax: 0 });
    const { directory } = await opened.store.fetchVersion(await findModel(opened, 'a'), 1);
    const file = openSync(join(directory, 'model.onnx'), 'r');
    await opened.store.release('a');
    bench.clock.aheadMs += 2 * HOUR_MS;
    opened.store.tend();
    expect(trees(cache)).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe(`a${KILOBYTE.slice(1)}`);
    closeSync(file);
  });
});
