import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ArtifactCache } from '#naiad/repository/artifact-cache.js';
import type { OpenStore } from '#naiad/repository/open-file-store.js';
import { TreeCache } from '#naiad/repository/tree-cache.js';
import type { TestRepository } from '../support/repository.js';
import { findModel, namesIn, Workbench } from './harness.js';
import { openedDuring } from './opened-files.js';

const bench = new Workbench();
afterEach(() => {
  bench.remove();
  bench.warnings.length = 0;
});

const CONTENT = 'what a model is made of';
const KEY = 'a'.repeat(64);

/** A cache with a copy of a model in it, and the servers that share it. */
async function aCopy(): Promise<{
  cache: string;
  repository: TestRepository;
  hash: string;
  file: string;
  fetch: (server?: OpenStore) => Promise<string>;
}> {
  const cache = bench.cache();
  const repository = bench.repository({ 'm/1/model.onnx': CONTENT });
  const fetch = async (server = bench.open(repository, { artifactCache: cache })) => {
    const { directory } = await server.store.fetchVersion(await findModel(server, 'm'), 1);
    return readFileSync(join(directory, 'model.onnx'), 'utf8');
  };
  await fetch();
  const [hash = ''] = namesIn(join(cache, 'trees'));
  return { cache, repository, hash, file: join(cache, 'trees', hash, 'files/model.onnx'), fetch };
}

/** Changes one byte of a file where it lies, and has it say that nothing happened as far as anyone can. */
function flip(file: string): void {
  const { atime, mtime, mode } = statSync(file);
  const bytes = readFileSync(file);
  bytes[3] = (bytes[3] ?? 0) ^ 1;
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
  chmodSync(file, mode);
  utimesSync(file, atime, mtime);
}

async function publish(artifacts: ArtifactCache, content = CONTENT): Promise<string> {
  const { draft, directory } = artifacts.begin(content.length);
  writeFileSync(join(directory, 'model.onnx'), content);
  const label = { model: 'm', version: 1, made: 'compiled' };
  return (await artifacts.publish(draft, KEY, label, null)).directory ?? '';
}

function artifactsIn(cache: string): ArtifactCache {
  const { artifacts } = bench.open(bench.repository(), { artifactCache: cache });
  if (artifacts === null) throw new Error('there is a cache');
  return artifacts;
}

const damaged = (cache: string, hash: string, what: string): string =>
  `entry 'trees/${hash}' of the artifact cache '${cache}' is damaged: ${what}; it is not used, and made again where it is needed`;
const OTHER_CONTENT = "'model.onnx' has another content than it was written with";

describe('a copy', () => {
  it('in which one byte is another is told of once and made again, beside whoever has it open', async () => {
    const { cache, hash, file, fetch } = await aCopy();
    flip(file);
    const damage = readFileSync(file, 'utf8');
    const mapped = openSync(file, 'r');
    expect(await fetch()).toBe(CONTENT);
    expect(bench.warnings).toEqual([damaged(cache, hash, OTHER_CONTENT)]);
    expect(readFileSync(mapped, 'utf8')).toBe(damage);
    expect(await openedDuring(() => fetch())).toEqual([]);
    expect(bench.warnings).toHaveLength(1);
  });

  it('is found damaged too when the files of the model have to be read again', async () => {
    const { cache, hash, file, repository, fetch } = await aCopy();
    flip(file);
    repository.write({ 'm/1/model.onnx': CONTENT });
    expect(await fetch()).toBe(CONTENT);
    expect(bench.warnings).toEqual([damaged(cache, hash, OTHER_CONTENT)]);
  });

  it.each<[string, (file: string) => void]>([
    ['was touched', (file) => utimesSync(file, 1, 1)],
    [
      'comes from elsewhere',
      (file) => {
        const tree = dirname(dirname(file));
        cpSync(tree, `${tree}-copied`, { recursive: true });
        renameSync(tree, join(tree, '../../away'));
        renameSync(`${tree}-copied`, tree);
      },
    ],
    ['was cached before there were records', (file) => removeRecords(join(file, '../../../..'))],
  ])('that %s is read once more, and then known again', async (_, change) => {
    const { file, fetch } = await aCopy();
    change(file);
    expect(await openedDuring(() => fetch())).toEqual([file]);
    expect(await openedDuring(() => fetch())).toEqual([]);
    expect(bench.warnings).toEqual([]);
  });

  it('that is cut, or a link to elsewhere, is told of and made again', async () => {
    const { cache, hash, file, fetch } = await aCopy();
    const what = 'files are missing, of another size, or too much';
    chmodSync(file, 0o600);
    truncateSync(file, 3);
    expect(await fetch()).toBe(CONTENT);
    const elsewhere = join(cache, 'elsewhere');
    writeFileSync(elsewhere, CONTENT);
    unlinkSync(file);
    symlinkSync(elsewhere, file);
    expect(await fetch()).toBe(CONTENT);
    expect(statSync(file).ino).not.toBe(statSync(elsewhere).ino);
    expect(bench.warnings).toEqual([damaged(cache, hash, what), damaged(cache, hash, what)]);
  });

  it('is not believed for what stands in a record that is none', async () => {
    const { cache, hash, file, fetch } = await aCopy();
    const record = join(cache, 'identities', `${hash}.json`);
    for (const text of [
      '',
      '{',
      'null',
      '[null]',
      '[{"device":1}]',
      '[{"device":"1","digest":"x"}]',
      ' '.repeat(5000),
    ]) {
      writeFileSync(record, text);
      expect(await openedDuring(() => fetch())).toEqual([file]);
      expect(await openedDuring(() => fetch())).toEqual([]);
    }
  });

  it('that was read whole by somebody who looked for damage is not read again', async () => {
    const { cache, hash, file, fetch } = await aCopy();
    const trees = new TreeCache({
      directory: cache,
      bytesMax: 1e9,
      clock: bench.clock,
      held: () => new Set(),
    });
    utimesSync(file, 1, 1);
    expect(await trees.verify(hash)).toBe('');
    expect(await openedDuring(() => fetch())).toEqual([]);
    flip(file);
    expect(await trees.verify(hash)).toBe(OTHER_CONTENT);
    expect(await fetch()).toBe(CONTENT);
  });

  it('is no longer read once the server stops, and stays', async () => {
    const { cache, file, fetch, repository } = await aCopy();
    const server = bench.open(repository, { artifactCache: cache });
    utimesSync(file, 1, 1);
    server.store.stopReading();
    await expect(fetch(server)).rejects.toThrow('exiting');
    expect(await fetch()).toBe(CONTENT);
    expect(bench.warnings).toEqual([]);
  });

  it('takes its record along when it goes', async () => {
    const { cache, hash, repository } = await aCopy();
    const server = bench.open(repository, { artifactCache: cache });
    writeFileSync(join(cache, 'identities', `${'0'.repeat(64)}.json`), '[]');
    server.store.tend();
    expect(namesIn(join(cache, 'identities'))).toEqual([`${hash}.json`]);
    bench.clock.aheadMs += 2 * 3600_000;
    bench.open(repository, { artifactCache: cache, cacheBytesMax: 0 }).store.tend();
    bench.clock.aheadMs -= 2 * 3600_000;
    expect(namesIn(join(cache, 'identities'))).toEqual([]);
  });

  it('that was written just before the machine was started anew is read once more', async () => {
    const { cache, hash, file, fetch } = await aCopy();
    const record = join(cache, 'identities', `${hash}.json`);
    const boots = (): string[] =>
      JSON.parse(readFileSync(record, 'utf8')).map(({ boot }: { boot: string }) => boot);
    const [boot = ''] = boots();
    writeFileSync(record, readFileSync(record, 'utf8').replace(boot || '"boot":""', boot && 'another'));
    const read = await openedDuring(() => fetch());
    expect(read).toEqual([file]);
    expect(boots()).toEqual([boot]);
    // By now it lies on the disk.
    utimesSync(file, 1, 1);
    bench.clock.aheadMs += 300_000;
    await fetch();
    bench.clock.aheadMs -= 300_000;
    expect(boots()).toEqual(['']);
  });

  it('is known to machines that count its file system in other ways', async () => {
    const { cache, hash, fetch } = await aCopy();
    const record = join(cache, 'identities', `${hash}.json`);
    const [own] = JSON.parse(readFileSync(record, 'utf8'));
    const others = Array.from({ length: 20 }, (_, i) => ({ device: `d${i}`, digest: 'x', boot: '' }));
    writeFileSync(record, JSON.stringify([...others, own]));
    expect(await openedDuring(() => fetch())).toEqual([]);
    utimesSync(join(cache, 'trees', hash, 'files/model.onnx'), 1, 1);
    await fetch();
    const views = JSON.parse(readFileSync(record, 'utf8'));
    expect(views.map((view: { device: string }) => view.device)).toEqual([
      ...others.slice(-7).map(({ device }) => device),
      own.device,
    ]);
    expect(views.at(-1)).not.toEqual(own);
  });
});

describe('an artifact', () => {
  it('in which one byte is another is told of and not found, until it is made again', async () => {
    const cache = bench.cache();
    const directory = await publish(artifactsIn(cache));
    expect(await openedDuring(() => artifactsIn(cache).find(KEY))).toEqual([]);
    flip(join(directory, 'model.onnx'));
    const artifacts = artifactsIn(cache);
    expect(await artifacts.find(KEY)).toBeNull();
    expect(await artifacts.find(KEY)).toBeNull();
    expect(bench.warnings).toEqual([expect.stringContaining(OTHER_CONTENT)]);
    expect(await publish(artifacts)).toBe(directory);
    expect(await artifactsIn(cache).find(KEY)).toMatchObject({ directory });
    expect(bench.warnings).toHaveLength(1);
  });

  it('is not taken for a damaged one of the same name', async () => {
    const cache = bench.cache();
    const directory = await publish(artifactsIn(cache));
    flip(join(directory, 'model.onnx'));
    await publish(artifactsIn(cache));
    expect(readFileSync(join(directory, 'model.onnx'), 'utf8')).toBe(CONTENT);
  });
});

describe('servers that share a cache', () => {
  it('find one damage at the same time and all have what is right in the end', async () => {
    const { cache, repository, file, fetch } = await aCopy();
    const servers = Array.from({ length: 4 }, () => bench.open(repository, { artifactCache: cache }));
    flip(file);
    expect(await Promise.all(servers.map((server) => fetch(server)))).toEqual(Array(4).fill(CONTENT));
    expect(await Promise.all(servers.map((server) => fetch(server)))).toEqual(Array(4).fill(CONTENT));
    expect(readFileSync(file, 'utf8')).toBe(CONTENT);
    expect(await openedDuring(() => fetch())).toEqual([]);
  });
});

describe('a cache that may only be read', () => {
  const SCRIPT = `
    import { openFileStore } from '#naiad/repository/open-file-store.js';
    import { systemClock } from '#naiad/lib/clock.js';
    const [artifactCache, key] = process.argv.slice(1);
    const { artifacts } = openFileStore({ repositories: [], artifactCache }, systemClock, console.log);
    for (let i = 0; i < 2; i++) console.log((await artifacts.find(key)) === null ? 'none' : 'found');`;

  /** What another user finds in a cache, who may not write to it. */
  function findAsAnother(cache: string): string[] {
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT, cache, KEY], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '../..'),
      ...nobody,
    });
    expect(run.stderr).toBe('');
    return run.stdout.trim().split('\n');
  }

  it('is read whole where it has no record, and what is damaged in it is left alone', async () => {
    const cache = bench.cache();
    const directory = await publish(artifactsIn(cache));
    chmodSync(dirname(cache), 0o755);
    const folders = readdirSync(cache, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    removeRecords(cache);
    const paths = [cache, ...folders.map(({ parentPath, name }) => join(parentPath, name))];
    for (const path of paths) chmodSync(path, 0o555);
    try {
      expect(findAsAnother(cache)).toEqual(['found', 'found']);
      expect(namesIn(join(cache, 'identities'))).toEqual([]);
      const file = join(directory, 'model.onnx');
      flip(file);
      expect(findAsAnother(cache)).toEqual([expect.stringContaining(OTHER_CONTENT), 'none', 'none']);
      expect(existsSync(file)).toBe(true);
    } finally {
      for (const path of paths) chmodSync(path, 0o755);
    }
  });
});

function removeRecords(cache: string): void {
  for (const name of namesIn(join(cache, 'identities'))) unlinkSync(join(cache, 'identities', name));
}
