import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { formatFinding } from '#naiad/model-config/findings.js';
import { type ModelFolder, scanRepository } from '#naiad/repository/scan.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { type Files, TestRepository } from '../support/repository.js';

const repositories: TestRepository[] = [];

function aRepository(files: Files = {}): TestRepository {
  const repository = new TestRepository(files);
  repositories.push(repository);
  return repository;
}

afterEach(() => {
  for (const repository of repositories.splice(0)) repository.remove();
});

async function scan(repository: TestRepository): Promise<ReadonlyMap<string, ModelFolder>> {
  const folders = await scanRepository(repository.directory, { mayBeEmpty: true });
  return new Map(folders.map((folder) => [folder.name, folder]));
}

async function scanOne(repository: TestRepository): Promise<ModelFolder> {
  const folder = (await scan(repository)).get('m');
  if (folder === undefined) throw new Error('no model');
  return folder;
}

const findings = ({ findings: found }: ModelFolder): string[] =>
  found.map((finding) => `${finding.severity} ${formatFinding(finding)}`);
const versions = (folder: ModelFolder) => folder.versions.map(({ version, files }) => [version, files]);

describe('links inside a repository', () => {
  it('are followed: models, versions and files that lie elsewhere in it', async () => {
    const repository = aRepository({
      '.blobs/sha256-1': 'model',
      '.store/net/1/model.onnx': 'model',
      'm/config.pbtxt': '',
    });
    repository.link('m/1/model.onnx', '../../.blobs/sha256-1');
    repository.link('m/2', '../.store/net/1');
    repository.link('net', repository.path('.store/net'));
    const found = await scan(repository);
    expect([...found.keys()]).toEqual(['m', 'net']);
    expect([...found.values()].map(versions)).toEqual([
      [
        [1, ['model.onnx']],
        [2, ['model.onnx']],
      ],
      [[1, ['model.onnx']]],
    ]);
    expect([...found.values()].flatMap(findings)).toEqual([]);
  });

  it('may be those of a Kubernetes volume', async () => {
    const repository = aRepository({ 'm/1/..2024/model.onnx': '', 'm/..2024/config.pbtxt': '' });
    repository.link('m/1/..data', '..2024');
    repository.link('m/1/model.onnx', '..data/model.onnx');
    repository.link('m/..data', '..2024');
    repository.link('m/config.pbtxt', '..data/config.pbtxt');
    const folder = await scanOne(repository);
    expect(folder.configFile?.path).toBe('config.pbtxt');
    expect(versions(folder)).toEqual([[1, ['model.onnx']]]);
    expect(findings(folder)).toEqual([]);
  });

  it('lead nowhere while what they name is missing', async () => {
    const repository = aRepository({ 'm/1/model.onnx': '' });
    repository.link('m/labels.txt', 'gone.txt');
    repository.link('gone', 'nothing');
    expect([...(await scan(repository)).keys()]).toEqual(['m']);
    expect(findings(await scanOne(repository))).toEqual([
      "warning 'labels.txt' is ignored: it is a symbolic link that leads nowhere",
    ]);
  });

  it('may come through a link to the whole repository', async () => {
    const repository = aRepository({ 'm/1/model.onnx': '', '.blobs/labels': 'x' });
    repository.link('m/labels.txt', '../.blobs/labels');
    const link = aRepository();
    link.link('models', repository.directory);
    const [folder] = await scanRepository(link.path('models'));
    expect(folder?.directory).toBe(link.path('models/m'));
    expect(folder?.findings).toEqual([]);
  });
});

describe('links that lead outside their repository', () => {
  const OUTSIDE = 'is a symbolic link that leads outside the model repository';

  it.each<[string, string, string, string]>([
    ['the folder of a model', 'm', 'net', `the folder of model 'm' ${OUTSIDE}`],
    ['a version', 'm/7', 'net/1', `'7' ${OUTSIDE}`],
    ['a model file', 'm/7/model.onnx', 'net/1/model.onnx', `'7/model.onnx' ${OUTSIDE}`],
    ['a configuration', 'm/config.pbtxt', 'net/config.pbtxt', `'config.pbtxt' ${OUTSIDE}`],
    ['a companion', 'm/warmup', 'net', `'warmup' ${OUTSIDE}`],
    ['data deep inside', 'm/7/a/b/c', 'net/1', `'7/a/b/c' ${OUTSIDE}`],
  ])('are refused: %s', async (_, link, target, message) => {
    const elsewhere = aRepository({ 'net/1/model.onnx': 'secret', 'net/config.pbtxt': '' });
    const repository = aRepository({ 'other/1/model.onnx': '' });
    repository.link(link, elsewhere.path(target));
    expect(findings(await scanOne(repository))).toEqual([`error ${message}`]);
    expect((await scan(repository)).get('other')?.findings).toEqual([]);
  });

  it('are refused by way of a link within, and to a neighbour whose name begins alike', async () => {
    const repository = aRepository({ 'm/1/model.onnx': '' });
    const neighbour = `${repository.directory}-secret`;
    mkdirSync(neighbour);
    try {
      repository.link('.way', '..');
      repository.link('m/2', '../.way');
      repository.link('m/3', neighbour);
      expect(findings(await scanOne(repository))).toEqual([`error '2' ${OUTSIDE}`, `error '3' ${OUTSIDE}`]);
    } finally {
      rmSync(neighbour, { recursive: true });
    }
  });
});

describe('folders that can not be walked to their end', () => {
  it('hold themselves', async () => {
    const repository = aRepository({ 'm/1/model.onnx': '' });
    repository.link('m/1/again', '.');
    repository.link('m/1/data/up', '../..');
    repository.link('m/2', '2');
    expect(findings(await scanOne(repository))).toEqual([
      "error can't read '2': its symbolic links lead in a circle",
      "error '1/again' is a symbolic link to a folder that holds it",
      "error '1/data/up' is a symbolic link to a folder that holds it",
    ]);
  });

  it('hold each other', async () => {
    const repository = aRepository({ 'm/1/a/x': '', 'm/1/b/x': '' });
    repository.link('m/1/a/b', '../b');
    repository.link('m/1/b/a', '../a');
    const found = findings(await scanOne(repository));
    expect(found).toContainEqual(
      expect.stringMatching(/^error '1\/a\/b\/a\/.*' lies more than 16 folders deep$/),
    );
  });

  it('are too deep', async () => {
    const deep = Array.from({ length: LIMITS.modelDepthMax }, (_, depth) => `d${depth}`).join('/');
    const repository = aRepository({ 'm/1/model.onnx': '', [`m/1/${deep}/x`]: '' });
    expect(findings(await scanOne(repository))).toEqual([`error '1/${deep}' lies more than 16 folders deep`]);
  });

  it('hold too much', async () => {
    // Each link counts the files behind it again: 128 and 128 x 127, and the folder of the version.
    const repository = aRepository({ 'm/1/.keep': '' });
    for (let count = 0; count < 127; count++) repository.write({ [`.many/${count}`]: '' });
    for (let count = 0; count < 128; count++) repository.link(`m/1/${count}`, '../../.many');
    expect(LIMITS.modelFilesMax).toBe(128 * 128);
    expect(findings(await scanOne(repository))).toEqual([
      'error it has more than 16384 files and folders, the most that are taken',
    ]);
    rmSync(repository.path('m/1/0'));
    expect(findings(await scanOne(repository))).toEqual([]);
  });
});

describe('a large folder', () => {
  it('is read like a small one', async () => {
    const names = Array.from({ length: 6000 }, (_, count) => `${'n'.repeat(180)}${count}`);
    const repository = aRepository({ 'm/1/0': '' });
    for (const name of names) linkSync(repository.path('m/1/0'), repository.path(`m/1/${name}`));
    const folder = await scanOne(repository);
    expect(folder.versions[0]?.files).toEqual(['0', ...names].sort());
  });
});

describe('what is no file', () => {
  it.skipIf(process.platform === 'win32')('is passed over, since reading it would never end', async () => {
    const repository = aRepository({ 'm/1/model.onnx': '' });
    execFileSync('mkfifo', [repository.path('m/1/pipe'), repository.path('pipe')]);
    renameSync(repository.path('pipe'), repository.path('m/config.pbtxt'));
    const folder = await scanOne(repository);
    expect(folder.configFile).toBeNull();
    expect(findings(folder)).toEqual([
      "warning 'config.pbtxt' is ignored: it is no plain file",
      "warning '1/pipe' is ignored: it is no plain file",
    ]);
  });
});
