import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { OpenStore } from '#naiad/repository/open-file-store.js';
import type { ArchivedModel } from '#naiad/repository/store.js';
import type { TestRepository } from '../support/repository.js';
import { contents, findModel, namesIn, Workbench } from './harness.js';

const DAY_MS = 86_400_000;

const bench = new Workbench();
afterEach(() => bench.remove());

/** What is served of a model as it lies in the repository now; `served` = its versions. */
async function aGeneration(
  opened: OpenStore,
  id: string,
  served: readonly number[] = [1],
  name = 'm',
): Promise<ArchivedModel> {
  const model = await findModel(opened, name);
  const files = await opened.store.fetchFiles(model);
  const fetched = new Map<number, { directory: string; hash: string }>();
  for (const version of served) fetched.set(version, await opened.store.fetchVersion(model, version));
  return {
    id,
    savedMs: bench.clock.wallMs(),
    folder: {
      ...model.folder,
      directory: files.directory,
      versions: model.folder.versions.map((folder) => ({
        ...folder,
        directory: fetched.get(folder.version)?.directory ?? folder.directory,
      })),
    },
    configOverride: null,
    hashes: [...files.hashes],
    versions: [...fetched].map(([version, { hash }]) => [version, hash]),
  };
}

const repositoryWith = (content: string): TestRepository =>
  bench.repository({ 'm/config.pbtxt': '', 'm/1/model.onnx': content, 'm/2/model.onnx': 'other' });

const ids = async ({ archive }: OpenStore, name = 'm') => (await archive.list(name)).map(({ id }) => id);

async function saveAll(opened: OpenStore, repository: TestRepository, all: readonly string[]): Promise<void> {
  for (const id of all) {
    writeFileSync(repository.path('m/1/model.onnx'), `model ${id}`);
    await opened.archive.save(await aGeneration(opened, id));
  }
}

describe('an archive', () => {
  it('returns what was served, newest first, after a restart too', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('one');
    const opened = bench.open(repository, { artifactCache });
    expect(await ids(opened)).toEqual([]);
    const first = { ...(await aGeneration(opened, 'first')), configOverride: '{"max_batch_size":4}' };
    await opened.archive.save(first);
    writeFileSync(repository.path('m/1/model.onnx'), 'two');
    const second = await aGeneration(opened, 'second');
    await opened.archive.save(second);
    opened.store.close();
    rmSync(repository.path('m'), { recursive: true });
    const found = await bench.open(repository, { artifactCache }).archive.list('m');
    const served = ({ folder, ...rest }: ArchivedModel): ArchivedModel => ({
      ...rest,
      folder: { ...folder, versions: folder.versions.filter(({ version }) => version === 1) },
    });
    expect(found).toEqual([served(second), served(first)]);
    const texts = found.map(({ folder }) => contents(folder.versions[0]?.directory ?? '')['model.onnx']);
    expect(texts).toEqual(['two', 'one']);
  });

  it('keeps four of a model', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('');
    repository.write({ 'n/1/model.onnx': '' });
    const opened = bench.open(repository, { artifactCache });
    await opened.archive.save(await aGeneration(opened, 'n', [1], 'n'));
    await saveAll(opened, repository, ['1', '2', '3', '4', '5', '6']);
    expect(await ids(opened)).toEqual(['6', '5', '4', '3']);
    expect(await ids(opened, 'n')).toEqual(['n']);
    const [home] = namesIn(join(artifactCache, 'generations'));
    expect(namesIn(join(artifactCache, 'generations', home ?? '', 'm'))).toHaveLength(4);
  });

  it('has each content once, where it was served last, whatever the clock said', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('');
    const opened = bench.open(repository, { artifactCache });
    await saveAll(opened, repository, ['1', '2', '3']);
    bench.clock.aheadMs -= 5_000;
    await saveAll(opened, repository, ['1']);
    bench.clock.aheadMs += 5_000;
    expect(await ids(opened)).toEqual(['1', '3', '2']);
    // Another server may have saved the same at the same time.
    const generations = join(artifactCache, 'generations');
    const directory = join(generations, namesIn(generations)[0] ?? '', 'm');
    const newest = namesIn(directory).at(-1) ?? '';
    copyFileSync(join(directory, newest), join(directory, newest.replace('.json', '-other.json')));
    expect(await ids(opened)).toEqual(['1', '3', '2']);
  });

  it('leaves out what is not whole any more', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('');
    const opened = bench.open(repository, { artifactCache });
    await saveAll(opened, repository, ['1', '2', '3', '4']);
    const listed = await opened.archive.list('m');
    const file = (id: string) => {
      const model = listed.find((found) => found.id === id);
      return join(model?.folder.versions[0]?.directory ?? '', 'model.onnx');
    };
    chmodSync(file('3'), 0o644);
    truncateSync(file('3'), 1);
    rmSync(file('2'));
    expect(await ids(opened)).toEqual(['4', '1']);
    const other = Buffer.alloc(statSync(file('1')).size, 'x');
    chmodSync(file('1'), 0o644);
    writeFileSync(file('1'), other);
    expect(await ids(opened)).toEqual(['4']);
  });

  it('passes over what is no generation', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('');
    const opened = bench.open(repository, { artifactCache });
    await saveAll(opened, repository, ['1', '2']);
    const generations = join(artifactCache, 'generations');
    const directory = join(generations, readdirSync(generations)[0] ?? '', 'm');
    const [older, newer] = namesIn(directory).map((name) => join(directory, name));
    const [whole] = await opened.archive.list('m');
    const broken = [
      '',
      '{"id":',
      'null',
      '[]',
      JSON.stringify({ ...whole, savedMs: 'now' }),
      JSON.stringify({ ...whole, folder: { ...whole?.folder, versions: [{ version: '1' }] } }),
      JSON.stringify({ ...whole, versions: [[1]] }),
      JSON.stringify({ ...whole, folder: { ...whole?.folder, directory: repository.path('m') } }),
      JSON.stringify({ ...whole, folder: { ...whole?.folder, name: 'other' } }),
    ];
    mkdirSync(join(directory, 'a folder'));
    for (const text of broken) {
      writeFileSync(newer ?? '', text);
      expect(await ids(opened)).toEqual(['1']);
    }
    writeFileSync(older ?? '', 'x');
    expect(await ids(opened)).toEqual([]);
    await saveAll(opened, repository, ['3']);
    expect(await ids(opened)).toEqual(['3']);
  });

  it('belongs to a server, which finds it again after a restart', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('');
    const [one, two] = ['one', 'two'].map((server) => bench.open(repository, { artifactCache, server }));
    if (one === undefined || two === undefined) throw new Error('two were opened');
    await saveAll(one, repository, ['1', '2']);
    await saveAll(two, repository, ['3']);
    expect([await ids(one), await ids(two)]).toEqual([['2', '1'], ['3']]);
    expect(await ids(bench.open(repository, { artifactCache, server: 'one' }))).toEqual(['2', '1']);
    // Those of a server that stays away are forgotten.
    bench.clock.aheadMs += 29 * DAY_MS;
    one.archive.tend();
    bench.clock.aheadMs += 2 * DAY_MS;
    one.archive.tend();
    expect([await ids(one), await ids(two)]).toEqual([['2', '1'], []]);
    bench.clock.aheadMs -= 31 * DAY_MS;
  });

  it('belongs to a repository, not to a name', async () => {
    const artifactCache = bench.cache();
    const one = repositoryWith('one');
    const two = repositoryWith('two');
    const first = bench.open(one, { artifactCache });
    const second = bench.open(two, { artifactCache });
    await first.archive.save(await aGeneration(first, 'one'));
    await second.archive.save(await aGeneration(second, 'two'));
    expect([await ids(first), await ids(second)]).toEqual([['one'], ['two']]);
    rmSync(one.path('m'), { recursive: true });
    const both = bench.open(one, { artifactCache, repositories: [one.directory, two.directory] });
    expect(await ids(both)).toEqual(['two', 'one']);
  });

  it('keeps what a client sent', async () => {
    const artifactCache = bench.cache();
    const repository = repositoryWith('one');
    const opened = bench.open(repository, { artifactCache });
    const sent = await opened.store.put('m', new Map([['1/model.onnx', Buffer.from('sent')]]));
    const { directory, hash } = await opened.store.fetchVersion(sent, 1);
    const files = await opened.store.fetchFiles(sent);
    const [version] = sent.folder.versions;
    if (version === undefined) throw new Error('no version');
    await opened.archive.save({
      ...(await aGeneration(opened, 'sent')),
      folder: { ...sent.folder, directory: files.directory, versions: [{ ...version, directory }] },
      versions: [[1, hash]],
    });
    await opened.store.release('m');
    opened.store.close();
    const [found] = await bench.open(repository, { artifactCache }).archive.list('m');
    expect(contents(found?.folder.versions[0]?.directory ?? '')).toEqual({ 'model.onnx': 'sent' });
  });

  it('is empty for names that no model can have', async () => {
    const opened = bench.open(repositoryWith('one'), { artifactCache: bench.cache() });
    const generation = await aGeneration(opened, 'one');
    await opened.archive.save({ ...generation, folder: { ...generation.folder, name: '../x' } });
    for (const name of ['', '..', '../x', 'gone']) expect(await opened.archive.list(name)).toEqual([]);
  });

  it('keeps nothing without a cache, or of files that are not in it', async () => {
    const repository = repositoryWith('one');
    const without = bench.open(repository);
    const generation = await aGeneration(without, 'one');
    await without.archive.save(generation);
    expect(await ids(without)).toEqual([]);
    const opened = bench.open(repository, { artifactCache: bench.cache() });
    await opened.archive.save(generation);
    expect(await ids(opened)).toEqual([]);
  });

  it('says why when it can not be written', async () => {
    const artifactCache = bench.cache();
    const opened = bench.open(repositoryWith('one'), { artifactCache });
    const generation = await aGeneration(opened, 'one');
    writeFileSync(join(artifactCache, 'generations'), '');
    await expect(opened.archive.save(generation)).rejects.toThrow(
      `can't write to the artifact cache '${artifactCache}': it is not a folder`,
    );
  });
});
