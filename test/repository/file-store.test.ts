import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { formatFinding } from '#naiad/model-config/findings.js';
import type { ListedModel } from '#naiad/repository/store.js';
import { findModel, Workbench } from './harness.js';

const bench = new Workbench();
afterEach(() => bench.remove());

const errors = ({ folder }: ListedModel): string[] =>
  folder.findings.filter(({ severity }) => severity === 'error').map(formatFinding);

describe('a listing', () => {
  it('has the models of all repositories by name', async () => {
    const first = bench.repository({ 'b/1/model.onnx': '', 'README.md': '', '.hidden/1/model.onnx': '' });
    const second = bench.repository({ 'a/config.pbtxt': '', 'lost+found/x': '' });
    const { store } = bench.open(first, {
      repositories: [first.directory, second.directory, first.directory],
    });
    const { models, unreadable } = await store.list();
    expect(models.map(({ name, folder }) => [name, folder.repository])).toEqual([
      ['a', second.directory],
      ['b', first.directory],
    ]);
    expect(unreadable).toEqual([]);
    expect(await store.names()).toEqual(['a', 'b']);
  });

  it('has a name that is found twice once, with the reason why it is not served', async () => {
    const first = bench.repository({ 'm/1/model.onnx': '' });
    const second = bench.repository({ 'm/1/model.onnx': '' });
    const { store } = bench.open(first, { repositories: [first.directory, second.directory] });
    const [model, ...others] = (await store.list()).models;
    expect(others).toEqual([]);
    const message = `failed to poll model 'm': not unique across all model repositories (${first.directory}, ${second.directory})`;
    expect(model && errors(model)).toEqual([message]);
    expect(await store.find('m')).toEqual(model);
    expect(await store.names()).toEqual(['m']);
    rmSync(second.path('m'), { recursive: true });
    const alone = await store.find('m');
    expect(alone && errors(alone)).toEqual([]);
    expect(alone?.signature).not.toBe(model?.signature);
  });

  it('tells which repositories can not be read, and goes on without them', async () => {
    const good = bench.repository({ 'm/1/model.onnx': '' });
    const gone = `${good.directory}/gone`;
    const file = good.path('m/1/model.onnx');
    const { store } = bench.open(good, { repositories: [gone, good.directory, file] });
    const { models, unreadable } = await store.list();
    expect(models.map(({ name }) => name)).toEqual(['m']);
    expect(unreadable).toEqual([
      { repository: gone, reason: `can't read model repository '${gone}': it does not exist` },
      { repository: file, reason: `can't read model repository '${file}': it is not a folder` },
    ]);
    expect(await store.names()).toEqual(['m']);
  });

  it('says so when it is the folder of a model, but not for a stray file', async () => {
    const { directory, ...repository } = bench.repository({ 'm/config.pbtxt': '', 'm/1/model.onnx': '' });
    const reason = `'${directory}/m' is the folder of a model, not a model repository: give the folder that holds it, '${directory}'`;
    const { store } = bench.open(bench.repository(), { repositories: [`${directory}/m`] });
    expect(await store.list()).toEqual({
      models: [],
      unreadable: [{ repository: `${directory}/m`, reason }],
    });
    writeFileSync(`${directory}/config.json`, '{}');
    expect(repository).toBeDefined();
    const whole = bench.open(bench.repository(), { repositories: [directory] });
    expect((await whole.store.list()).models).toHaveLength(1);
  });
});

describe('finding a model', () => {
  it.each([
    '',
    '.',
    '..',
    '../x',
    'a/b',
    '/',
    'a\0b',
    '.hidden',
    'lost+found',
    'gone',
    'x'.repeat(256),
    'a:b',
    'a\\b',
    'nul',
    'Con.x',
  ])('finds none for %j', async (name) => {
    const foreign =
      process.platform === 'win32' ? {} : { 'a:b/x': '', 'a\\b/x': '', 'nul/x': '', 'Con.x/x': '' };
    const repository = bench.repository({
      ...foreign,
      'a/b/1/model.onnx': '',
      '.hidden/1/x': '',
      'lost+found/x': '',
    });
    repository.write({ file: '' });
    const { store } = bench.open(repository);
    expect(await store.find(name)).toBeNull();
    expect(await store.find('file')).toBeNull();
  });

  it('rejects when it is nowhere and could be where nothing can be read', async () => {
    const repository = bench.repository({ 'm/1/model.onnx': '' });
    const { store } = bench.open(repository, { repositories: [repository.directory, '/gone/for/good'] });
    expect((await store.find('m'))?.name).toBe('m');
    await expect(store.find('n')).rejects.toThrow(
      "can't read model repository '/gone/for/good': it does not exist",
    );
  });

  it('tells what is wrong with one model', async () => {
    const repository = bench.repository({ 'm/1/model.onnx': '' });
    repository.link('m/1/weights', '/etc');
    const model = await findModel(bench.open(repository), 'm');
    expect(errors(model)).toEqual(["'1/weights' is a symbolic link that leads outside the model repository"]);
  });
});

describe('the signature of a model', () => {
  const changes: [string, (path: (name: string) => string) => void][] = [
    ['a file gets another content', (path) => writeFileSync(path('m/1/model.onnx'), 'MODEL')],
    ['a file deep inside does', (path) => writeFileSync(path('m/1/data/a/weights'), 'W')],
    ['a file is touched', (path) => utimesSync(path('m/config.pbtxt'), 1, 1)],
    ['a file is removed', (path) => rmSync(path('m/labels.txt'))],
    ['a file is renamed', (path) => renameSync(path('m/labels.txt'), path('m/other.txt'))],
    ['a version comes by a rename', (path) => renameSync(path('new'), path('m/2'))],
    ['a version goes', (path) => rmSync(path('m/1'), { recursive: true })],
    ['an empty version comes', (path) => mkdirSync(path('m/3'))],
    ['a variant of the configuration comes', (path) => writeFileSync(path('m/configs/x.pbtxt'), '')],
    ['warm-up data change', (path) => writeFileSync(path('m/warmup/data'), 'D')],
    [
      'another model takes its place',
      (path) => {
        renameSync(path('m'), path('old'));
        renameSync(path('twin'), path('m'));
      },
    ],
  ];
  const model = (name: string) => ({
    [`${name}/config.pbtxt`]: 'config',
    [`${name}/labels.txt`]: 'labels',
    [`${name}/configs/fast.pbtxt`]: '',
    [`${name}/warmup/data`]: 'd',
    [`${name}/1/model.onnx`]: 'model',
    [`${name}/1/data/a/weights`]: 'w',
  });

  it.each(changes)('changes when %s', async (_, change) => {
    const repository = bench.repository({ ...model('m'), ...model('twin'), 'new/model.onnx': '' });
    const opened = bench.open(repository);
    const before = await findModel(opened, 'm');
    expect(await findModel(opened, 'm')).toEqual(before);
    // More than a tick of the kernel's coarse clock.
    await sleep(20);
    change((path) => repository.path(path));
    const after = await findModel(opened, 'm');
    expect(after.signature).not.toBe(before.signature);
    expect(after.changedMs).toBeGreaterThan(before.changedMs);
  });

  it('and its time stay when something happens beside its files', async () => {
    const repository = bench.repository(model('m'));
    const opened = bench.open(repository);
    const before = await findModel(opened, 'm');
    await sleep(20);
    repository.write({ 'm/.swap': '', 'm/1/.nfs01': '', 'm/1/.hidden/x': '', 'other/1/model.onnx': '' });
    rmSync(repository.path('m/.swap'));
    expect(await findModel(opened, 'm')).toEqual(before);
    expect((await opened.store.list()).models[0]).toEqual(before);
    const fresh = await findModel(bench.open(repository), 'm');
    expect(fresh.signature).toBe(before.signature);
  });

  it('changes when a link comes to lead to another file', async () => {
    const repository = bench.repository({
      'm/..a/model.onnx': 'a',
      'm/..b/model.onnx': 'b',
      'm/1/.keep': '',
    });
    repository.link('m/..data', '..a');
    repository.link('m/1/model.onnx', '../..data/model.onnx');
    const opened = bench.open(repository);
    const before = await findModel(opened, 'm');
    repository.link('m/..next', '..b');
    renameSync(repository.path('m/..next'), repository.path('m/..data'));
    expect((await findModel(opened, 'm')).signature).not.toBe(before.signature);
  });
});
