import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { formatFinding } from '#naiad/model-config/findings.js';
import {
  type ModelFolder,
  scanRepositories,
  scanRepository,
  type VersionFolder,
} from '#naiad/repository/scan.js';
import { type Files, TestRepository } from '../support/repository.js';

const repositories: TestRepository[] = [];

function aRepository(files: Files): TestRepository {
  const repository = new TestRepository(files);
  repositories.push(repository);
  return repository;
}

afterEach(() => {
  for (const repository of repositories.splice(0)) repository.remove();
});

const findings = ({ findings: found }: ModelFolder): string[] =>
  found.map((finding) => `${finding.severity} ${formatFinding(finding)}`);

function aVersion(
  { directory }: TestRepository,
  model: string,
  version: number,
  files: string[],
): VersionFolder {
  const path = join(directory, model, String(version));
  return { version, directory: path, origin: path, files };
}

async function scanOne(files: Files): Promise<ModelFolder> {
  const [folder, ...others] = await scanRepository(aRepository(files).directory);
  expect(others).toEqual([]);
  if (folder === undefined) throw new Error('no model');
  return folder;
}

describe('a repository', () => {
  it('holds models by name, with versions by number', async () => {
    const repository = aRepository({
      'b/config.pbtxt': '',
      'b/10/model.onnx': 'x',
      'b/9/model.onnx': 'x',
      'b/9/weights/a.bin': 'x',
      'b/9/.hidden': 'x',
      'b/labels.txt': 'x',
      'a/1/model.onnx': 'x',
      'README.md': 'ignored',
      '.git/1/model.onnx': 'hidden',
      'lost+found/x': '',
    });
    const folders = await scanRepository(repository.directory);
    expect(folders).toEqual([
      {
        name: 'a',
        repository: repository.directory,
        directory: join(repository.directory, 'a'),
        configFile: null,
        versions: [aVersion(repository, 'a', 1, ['model.onnx'])],
        findings: [],
      },
      {
        name: 'b',
        repository: repository.directory,
        directory: join(repository.directory, 'b'),
        configFile: { path: 'config.pbtxt', kind: 'pbtxt' },
        versions: [
          aVersion(repository, 'b', 9, ['model.onnx', 'weights']),
          aVersion(repository, 'b', 10, ['model.onnx']),
        ],
        findings: [],
      },
    ]);
  });

  it.each([
    ['config.json', 'json'],
    ['config.yaml', 'yaml'],
    ['config.yml', 'yaml'],
  ])('may have %s', async (path, kind) => {
    expect((await scanOne({ [`m/${path}`]: '' })).configFile).toEqual({ path, kind });
  });

  it('warns about folders that look like versions and are none', async () => {
    const folder = await scanOne({
      'm/01/model.onnx': '',
      'm/0/model.onnx': '',
      'm/1.5/x': '',
      'm/-1/x': '',
      'm/notes/x': '',
      'm/9007199254740992/x': '',
      'm/3': 'a file',
      'm/warmup/data': '',
      'm/initial_state/data': '',
      'm/configs/fast.pbtxt': '',
      'm/.cache/x': '',
      'm/2/model.onnx': '',
    });
    expect(folder.versions.map(({ version }) => version)).toEqual([2]);
    expect(findings(folder).sort()).toEqual(
      [
        "warning '3' is ignored: a version is a folder, this is a file",
        "warning folder '-1' is ignored: versions are whole numbers",
        "warning folder '1.5' is ignored: versions are whole numbers",
        "warning folder 'notes' is ignored: versions are whole numbers",
        "warning version folder '0' is ignored: versions start at 1",
        "warning version folder '01' is ignored: its name has leading zeros",
        "warning version folder '9007199254740992' is ignored: versions end at 9007199254740991",
      ].sort(),
    );
  });

  it('does not guess between configuration files', async () => {
    const folder = await scanOne({ 'm/config.yaml': '', 'm/config.pbtxt': '', 'm/1/model.onnx': '' });
    expect(findings(folder)).toEqual([
      'error several configuration files: config.pbtxt, config.yaml; keep one',
    ]);
  });

  it('takes a plain file for a model of none', async () => {
    const folder = await scanOne({ 'm/1/model.onnx': '', 'm/configs': 'a file', README: '' });
    expect(folder.versions).toHaveLength(1);
    expect(findings(folder)).toEqual([]);
  });

  it.runIf(process.getuid?.() !== 0)('says so when a model may not be read', async () => {
    const repository = aRepository({ 'm/1/model.onnx': '' });
    chmodSync(join(repository.directory, 'm'), 0);
    const [folder] = await scanRepository(repository.directory);
    chmodSync(join(repository.directory, 'm'), 0o755);
    expect(folder && findings(folder)).toEqual([
      "error can't read the folder of model 'm': this process may not read it",
    ]);
  });
});

describe('what is no repository', () => {
  it.each<[string, Files, string, string]>([
    ['nothing', {}, '/gone', 'it does not exist'],
    ['a file', { file: '' }, '/file', 'it is not a folder'],
  ])('is refused: %s', async (_, files, path, reason) => {
    const directory = aRepository(files).directory + path;
    await expect(scanRepository(directory)).rejects.toThrow(
      `can't read model repository '${directory}': ${reason}`,
    );
    await expect(scanRepositories([directory])).rejects.toThrow(reason);
  });

  it.each<[string, Files]>([
    ['a configuration', { 'm/config.pbtxt': '', 'm/1/model.onnx': '' }],
    ['versions alone', { 'm/1/model.onnx': '', 'm/2/model.onnx': '', 'm/labels.txt': '' }],
  ])('is refused with the way out when it is a model with %s', async (_, files) => {
    const { directory } = aRepository(files);
    await expect(scanRepository(join(directory, 'm'))).rejects.toThrow(
      `'${directory}/m' is the folder of a model, not a model repository: give the folder that holds it, '${directory}'`,
    );
  });

  it('may have models that are called by numbers', async () => {
    const folders = await scanRepository(
      aRepository({ '1/1/model.onnx': '', '2/1/model.onnx': '' }).directory,
    );
    expect(folders.map(({ name }) => name)).toEqual(['1', '2']);
  });

  it('is refused without models, unless they may come later', async () => {
    const { directory } = aRepository({ 'README.md': '' });
    const message = `no models in '${directory}': a model repository holds a folder for each model, like <repository>/<model>/1/model.onnx`;
    await expect(scanRepository(directory)).rejects.toThrow(message);
    await expect(scanRepositories([directory])).rejects.toThrow(message);
    expect(await scanRepository(directory, { mayBeEmpty: true })).toEqual([]);
    expect(await scanRepositories([directory], { mayBeEmpty: true })).toEqual([]);
  });
});

describe('several repositories', () => {
  it('are one list, in which a name must be unique', async () => {
    const first = aRepository({ 'a/1/model.onnx': '', 'c/1/model.onnx': '' });
    const second = aRepository({ 'b/1/model.onnx': '', 'c/2/model.onnx': '' });
    mkdirSync(join(second.directory, 'd'));
    const folders = await scanRepositories([first.directory, second.directory]);
    expect(folders.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    const errors = folders.flatMap((folder) => findings(folder));
    expect(errors).toEqual([
      `error failed to poll model 'c': not unique across all model repositories (${first.directory}, ${second.directory})`,
    ]);
  });

  it('may be empty as long as one is not', async () => {
    const empty = aRepository({});
    const full = aRepository({ 'a/1/model.onnx': '' });
    expect(await scanRepositories([empty.directory, full.directory])).toHaveLength(1);
  });

  it('are one when they are the same', async () => {
    const { directory } = aRepository({ 'a/1/model.onnx': '' });
    const link = join(aRepository({}).directory, 'link');
    symlinkSync(directory, link);
    const folders = await scanRepositories([directory, `${directory}/`, link]);
    expect(folders.flatMap((folder) => findings(folder))).toEqual([]);
  });
});
