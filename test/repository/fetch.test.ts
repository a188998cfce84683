import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { contents, findModel, namesIn, Workbench } from './harness.js';
import { openedDuring } from './opened-files.js';

const bench = new Workbench();
afterEach(() => {
  bench.remove();
  bench.warnings.length = 0;
});

const MODEL = {
  'm/config.pbtxt': 'config',
  'm/labels.txt': 'labels',
  'm/.hidden': 'x',
  'm/notes/x': 'x',
  'm/warmup/data': 'data',
  'm/configs/fast.pbtxt': 'fast',
  'm/1/model.onnx': 'model one',
  'm/1/data/weights.bin': 'weights',
  'm/1/.nfs1': 'x',
  'm/2/model.onnx': 'model two',
};
const VERSION_1 = { 'model.onnx': 'model one', 'data/weights.bin': 'weights' };

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function fetched(artifactCache: string | null = bench.cache(), files: Record<string, string> = MODEL) {
  const repository = bench.repository(files);
  const opened = bench.open(repository, { artifactCache });
  const model = await findModel(opened, 'm');
  return { repository, opened, model, version: await opened.store.fetchVersion(model, 1) };
}

describe('what is fetched', () => {
  it('is a copy of the files, with the hash of each', async () => {
    const cache = bench.cache();
    const { opened, model, version } = await fetched(cache);
    expect(contents(version.directory)).toEqual(VERSION_1);
    expect(version.directory).toBe(join(cache, 'trees', version.hash, 'files'));
    const files = await opened.store.fetchFiles(model);
    expect(contents(files.directory)).toEqual({
      'config.pbtxt': 'config',
      'labels.txt': 'labels',
      'warmup/data': 'data',
      'configs/fast.pbtxt': 'fast',
    });
    expect(files.hashes).toEqual(
      new Map(Object.entries(contents(files.directory)).map(([path, text]) => [path, sha256(text)])),
    );
    expect(bench.warnings).toEqual([]);
  });

  it('is not touched by what happens to the repository', async () => {
    const { repository, version } = await fetched();
    writeFileSync(repository.path('m/1/model.onnx'), 'MODEL ONE');
    truncateSync(repository.path('m/1/data/weights.bin'), 0);
    expect(contents(version.directory)).toEqual(VERSION_1);
    rmSync(repository.path('m'), { recursive: true });
    expect(contents(version.directory)).toEqual(VERSION_1);
  });

  it('can not be changed by mistake', async () => {
    const { version } = await fetched();
    const mode = (path: string) => statSync(join(version.directory, path)).mode & 0o777;
    expect(['model.onnx', 'data/weights.bin', '../manifest.json'].map(mode)).toEqual([0o444, 0o444, 0o444]);
  });

  it('has the hash of its content and of nothing else', async () => {
    const { repository, opened, version } = await fetched();
    repository.write({ 'm/3/model.onnx': 'model one', 'm/3/data/weights.bin': 'weights' });
    repository.write({ 'm/4/model.onnx': 'model one', 'm/4/data/weights': 'weights' });
    repository.write({ 'm/5/model.onnx': 'model One', 'm/5/data/weights.bin': 'weights' });
    utimesSync(repository.path('m/1/model.onnx'), 1, 1);
    const model = await findModel(opened, 'm');
    expect(await opened.store.fetchVersion(model, 1)).toEqual(version);
    expect(await opened.store.fetchVersion(model, 3)).toEqual(version);
    const others = [await opened.store.fetchVersion(model, 4), await opened.store.fetchVersion(model, 5)];
    expect(new Set([version, ...others].map(({ hash }) => hash)).size).toBe(3);
    const direct = bench.open(repository);
    expect((await direct.store.fetchVersion(model, 1)).hash).toBe(version.hash);
  });

  it('may be large, or nothing', async () => {
    const large = Buffer.alloc((3 << 20) + 1, 'abcdefg').toString();
    const { version, opened } = await fetched(bench.cache(), { 'm/1/model.onnx': large, 'm/2/.keep': '' });
    expect(contents(version.directory)['model.onnx'] === large).toBe(true);
    const empty = await opened.store.fetchVersion(await findModel(opened, 'm'), 2);
    expect(contents(empty.directory)).toEqual({});
  });

  it('is copied once for all who want it at the same time', async () => {
    const cache = bench.cache();
    const repository = bench.repository({ 'm/1/model.onnx': 'x'.repeat(3 << 20), 'm/2/model.onnx': 'y' });
    const opened = bench.open(repository, { artifactCache: cache });
    const model = await findModel(opened, 'm');
    const fetches = Array.from({ length: 20 }, () => opened.store.fetchVersion(model, 1));
    const other = opened.store.fetchVersion(model, 2);
    // The first of several chunks is read before that.
    await nextTurn();
    const [own] = namesIn(join(cache, 'tmp'));
    const drafts = namesIn(join(cache, 'tmp', own ?? ''));
    const versions = await Promise.all(fetches);
    await other;
    expect(drafts.length === 1 || drafts.length === 2).toBe(true);
    expect(new Set(versions.map(({ directory }) => directory)).size).toBe(1);
  });

  it('is made again when it was damaged', async () => {
    const { opened, version } = await fetched();
    const { store } = opened;
    expect(await store.mend('m', 1, version.directory)).toBe(false);
    const path = join(version.directory, 'data/weights.bin');
    chmodSync(path, 0o600);
    writeFileSync(path, 'WEIGHTS');
    expect(await store.mend('m', 1, version.directory)).toBe(true);
    expect(contents(version.directory)).toEqual(VERSION_1);
    expect(bench.warnings).toEqual(["the copy of version 1 of model 'm' in the artifact cache was damaged"]);
    expect(await store.mend('m', 1, version.directory)).toBe(false);
  });

  it('that was damaged is gone when its source is another now', async () => {
    const { opened, version, repository } = await fetched();
    rmSync(repository.path('m'), { recursive: true });
    chmodSync(join(version.directory, 'model.onnx'), 0o600);
    writeFileSync(join(version.directory, 'model.onnx'), 'MODEL ONE');
    expect(await opened.store.mend('m', 1, version.directory)).toBe(false);
    expect(namesIn(version.directory)).toEqual([]);
  });

  it('follows links inside the repository', async () => {
    const repository = bench.repository({ '.blobs/x': 'model', 'm/1/.keep': '' });
    repository.link('m/1/model.onnx', '../../.blobs/x');
    const opened = bench.open(repository, { artifactCache: bench.cache() });
    const version = await opened.store.fetchVersion(await findModel(opened, 'm'), 1);
    rmSync(repository.path('.blobs'), { recursive: true });
    expect(contents(version.directory)).toEqual({ 'model.onnx': 'model' });
  });

  it('leaves nothing unfinished behind', async () => {
    const cache = bench.cache();
    const { opened } = await fetched(cache);
    opened.store.close();
    expect(namesIn(join(cache, 'tmp'))).toEqual([]);
  });
});

describe('files that change', () => {
  const CHANGED = 'the files of version 1 changed while they were read';

  it('since they were listed are not fetched', async () => {
    const { repository, opened, model } = await fetched();
    appendFileSync(repository.path('m/1/model.onnx'), 'more');
    await expect(opened.store.fetchVersion(model, 1)).rejects.toThrow(CHANGED);
    await expect(opened.store.fetchVersion(model, 2)).resolves.toBeDefined();
    writeFileSync(repository.path('m/labels.txt'), 'x');
    await expect(opened.store.fetchFiles(model)).rejects.toThrow(
      "the files of model 'm' changed while they were read",
    );
    rmSync(repository.path('m/2'), { recursive: true });
    await expect(opened.store.fetchVersion(model, 2)).rejects.toThrow('version 2 changed');
  });

  it('are not fetched either when what they have become is known already', async () => {
    const { repository, opened, model } = await fetched();
    writeFileSync(repository.path('m/1/model.onnx'), 'another');
    await opened.store.fetchVersion(await findModel(opened, 'm'), 1);
    await expect(opened.store.fetchVersion(model, 1)).rejects.toThrow(CHANGED);
  });

  it('do not keep other versions from being fetched', async () => {
    const { repository, opened, model } = await fetched();
    repository.write({ 'm/3/model.onnx': 'half' });
    await expect(opened.store.fetchVersion(model, 2)).resolves.toBeDefined();
  });

  const large = 'x'.repeat(3 << 20);
  it.each<[string, (path: string) => void]>([
    ['grow', (path) => appendFileSync(path, 'more')],
    ['shrink', (path) => truncateSync(path, 1 << 20)],
    ['are overwritten', (path) => writeFileSync(path, 'y'.repeat(large.length))],
    ['are replaced', (path) => renameSync(`${path}.new`, path)],
    ['go', (path) => rmSync(path)],
    ['get company', (path) => writeFileSync(`${path}.data`, '')],
  ])('while they are read are refused: they %s', async (_, change) => {
    const cache = bench.cache();
    const repository = bench.repository({ 'm/1/model.onnx': large });
    writeFileSync(repository.path('m/1/model.onnx.new'), large);
    const opened = bench.open(repository, { artifactCache: cache });
    const model = await findModel(opened, 'm');
    const fetching = opened.store.fetchVersion(model, 1);
    // The first chunk has been read by now, most of the others have not.
    change(repository.path('m/1/model.onnx'));
    await expect(fetching).rejects.toThrow(CHANGED);
    expect(namesIn(join(cache, 'trees'))).toEqual([]);
    const after = await findModel(opened, 'm');
    const version = await opened.store.fetchVersion(after, 1);
    // Not compared by expect, which would take seconds to show megabytes.
    const same =
      JSON.stringify(contents(version.directory)) === JSON.stringify(contents(repository.path('m/1')));
    expect(same).toBe(true);
  });

  it('that leads away since they were listed are not fetched', async () => {
    const { repository, opened, model } = await fetched();
    rmSync(repository.path('m/1/model.onnx'));
    repository.link('m/1/model.onnx', '/etc/hostname');
    await expect(opened.store.fetchVersion(model, 1)).rejects.toThrow(CHANGED);
  });

  it('into something that can not be read are told of', async () => {
    const { repository, opened, model } = await fetched();
    rmSync(repository.directory, { recursive: true });
    await expect(opened.store.fetchVersion(model, 1)).rejects.toThrow(
      `can't read model repository '${repository.directory}': it does not exist`,
    );
  });

  it.runIf(process.getuid?.() !== 0)('must be readable', async () => {
    const { repository, opened } = await fetched();
    chmodSync(repository.path('m/1/model.onnx'), 0);
    const model = await findModel(opened, 'm');
    await expect(opened.store.fetchVersion(model, 1)).rejects.toThrow(
      "can't read 'model.onnx': this process may not read it",
    );
  });
});

describe('what was fetched before', () => {
  it('is neither read nor copied again, in this process or the next', async () => {
    const cache = bench.cache();
    const { repository, opened, model, version } = await fetched(cache);
    const inode = statSync(version.directory).ino;
    const read = await openedDuring(async () => {
      expect(await opened.store.fetchVersion(model, 1)).toEqual(version);
      const next = bench.open(repository, { artifactCache: cache });
      expect(await next.store.fetchVersion(await findModel(next, 'm'), 1)).toEqual(version);
    });
    expect(read).toEqual([]);
    expect(statSync(version.directory).ino).toBe(inode);
  });

  it('is read again when it had changed so lately that its time may not tell of the next change', async () => {
    bench.clock.aheadMs = 0;
    const cache = bench.cache();
    const { repository, version } = await fetched(cache);
    bench.clock.aheadMs = 10_000;
    expect(namesIn(join(cache, 'memo'))).toEqual([]);
    const next = bench.open(repository, { artifactCache: cache });
    expect(await next.store.fetchVersion(await findModel(next, 'm'), 1)).toEqual(version);
    expect(namesIn(join(cache, 'memo'))).toHaveLength(1);
  });

  it('is read again when a memory of it is no good', async () => {
    const cache = bench.cache();
    const { repository, version } = await fetched(cache);
    const memo = join(cache, 'memo');
    for (const text of ['', '{', '{"signature":1}', '{"signature":"x","tree":"../../etc"}', 'null']) {
      for (const name of readdirSync(memo)) writeFileSync(join(memo, name), text);
      const next = bench.open(repository, { artifactCache: cache });
      expect(await next.store.fetchVersion(await findModel(next, 'm'), 1)).toEqual(version);
    }
  });

  it.each<[string, (tree: string) => void]>([
    ['lacks a file', (tree) => rmSync(join(tree, 'files/model.onnx'))],
    ['has a file that is cut', (tree) => truncateSync(join(tree, 'files/model.onnx'), 1)],
    ['has a file too many', (tree) => writeFileSync(join(tree, 'files/more'), '')],
    ['lacks its manifest', (tree) => rmSync(join(tree, 'manifest.json'))],
    ['has the manifest of another', (tree) => writeFileSync(join(tree, 'manifest.json'), '[]')],
    ['has a manifest that is none', (tree) => writeFileSync(join(tree, 'manifest.json'), '[{"path":1}]')],
    [
      'is empty',
      (tree) => {
        rmSync(tree, { recursive: true });
        mkdirSync(tree);
      },
    ],
    [
      'is a file',
      (tree) => {
        rmSync(tree, { recursive: true });
        writeFileSync(tree, '');
      },
    ],
    ['is gone', (tree) => rmSync(tree, { recursive: true })],
  ])('is replaced when it %s', async (_, damage) => {
    const cache = bench.cache();
    const { opened, model, version } = await fetched(cache);
    const tree = join(cache, 'trees', version.hash);
    for (const path of ['manifest.json', 'files/model.onnx']) chmodSync(join(tree, path), 0o644);
    damage(tree);
    expect(await opened.store.fetchVersion(model, 1)).toEqual(version);
    expect(contents(version.directory)).toEqual(VERSION_1);
  });
});

describe('without a cache', () => {
  it('the repository itself is served', async () => {
    const { repository, opened, model, version } = await fetched(null);
    expect(version.directory).toBe(repository.path('m/1'));
    expect(version.hash).toMatch(/^[0-9a-f]{64}$/);
    const files = await opened.store.fetchFiles(model);
    expect(files.directory).toBe(repository.path('m'));
    expect(files.hashes.get('labels.txt')).toBe(sha256('labels'));
    expect(bench.warnings).toEqual([]);
  });

  it('what has not changed is not read again', async () => {
    const { repository, opened, model, version } = await fetched(null);
    expect(await opened.store.fetchVersion(model, 1)).toEqual(version);
    writeFileSync(repository.path('m/1/model.onnx'), 'model One');
    const changed = await opened.store.fetchVersion(await findModel(opened, 'm'), 1);
    expect(changed.hash).not.toBe(version.hash);
  });
});

describe('a cache that can not be written to', () => {
  it.each<[string, (cache: string) => void, string]>([
    ['a file in its place', (cache) => writeFileSync(cache, ''), 'it is not a folder'],
    [
      'a file in the place of its folder',
      (cache) => {
        mkdirSync(cache);
        writeFileSync(join(cache, 'trees'), '');
      },
      'it is not a folder',
    ],
  ])('is told of once: %s', async (_, spoil, reason) => {
    const cache = bench.cache();
    spoil(cache);
    const { repository, opened, model, version } = await fetched(cache);
    const files = await opened.store.fetchFiles(model);
    expect([version.directory, files.directory]).toEqual([repository.path('m/1'), repository.path('m')]);
    expect(bench.warnings).toEqual([
      `can't use the artifact cache '${cache}': ${reason}; models are served from the repository itself, where their files must be left alone while they are loaded`,
    ]);
    rmSync(cache, { recursive: true });
    expect((await opened.store.fetchVersion(model, 1)).directory).not.toBe(repository.path('m/1'));
    expect((await opened.store.list()).models).toHaveLength(1);
  });
});
