import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import { placeFiles } from '#naiad/repository/sent-files.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { contents, namesIn, Workbench } from './harness.js';

const bench = new Workbench();
afterEach(() => bench.remove());

const files = (...paths: string[]): Map<string, Uint8Array> =>
  new Map(paths.map((path) => [path, Buffer.from(path)]));

function refusal(sent: ReadonlyMap<string, Uint8Array>): string {
  try {
    placeFiles('m', sent);
  } catch (error) {
    if (error instanceof ServingError) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('was taken');
}

describe('paths of files that a client sends', () => {
  it.each([
    ['1/model.onnx', '1/model.onnx'],
    ['./1//model.onnx', '1/model.onnx'],
    ['1/../2/./model.onnx', '2/model.onnx'],
    ['..model', '..model'],
    ['a..b/...', 'a..b/...'],
    ['1/null', '1/null'],
  ])('are made plain: %s', (path, normalized) => {
    expect([...placeFiles('m', files(path)).keys()]).toEqual([normalized]);
  });

  it.each([
    ['..', '..'],
    ['../x', '../x'],
    ['1/../../x', '../x'],
    ['/etc/passwd', '/etc/passwd'],
    ['//x', '/x'],
    ['', '.'],
    ['.', '.'],
    ['1/..', '.'],
    ['../', '../'],
  ])('stay within the folder of the model: %j', (path, normalized) => {
    expect(refusal(files(path))).toBe(
      `INVALID_ARGUMENT Invalid file parameter 'file:${path}' with normalized path '${normalized}' must stay within model directory.`,
    );
  });

  it.each<[string, string[], string, string]>([
    ['with a NUL', ['1/a\0b'], '1/a\\0b', 'it holds a NUL'],
    ['of a folder', ['1/model/'], '1/model/', 'it is the path of a folder'],
    ['with a long name', [`1/${'é'.repeat(128)}`], `1/${'é'.repeat(128)}`, 'a name has at most 255 bytes'],
    ['too long', [`${'x/'.repeat(1024)}x`], `${'x/'.repeat(1024)}x`, 'a path has at most 2048 bytes'],
    ['with a backslash', ['1\\..\\..\\x'], '1\\..\\..\\x', 'a name must not hold a backslash'],
    ['with a drive', ['C:/x'], 'C:/x', 'a name must not hold a colon'],
    ['with a stream', ['config.pbtxt:x'], 'config.pbtxt:x', 'a name must not hold a colon'],
    ['of a device', ['1/nul'], '1/nul', 'it is the name of a device on Windows'],
    ['below a device', ['COM1 .txt/x'], 'COM1 .txt/x', 'it is the name of a device on Windows'],
    ['sent twice', ['1/a', '1/./a'], '1/./a', 'another file has the same path'],
    ['below a file', ['1/a/b', '1'], '1/a/b', "'1' is a file"],
  ])('are those of files: %s', (_, sent, path, reason) => {
    expect(refusal(files(...sent))).toBe(
      `INVALID_ARGUMENT Invalid file parameter 'file:${path}': ${reason}.`,
    );
  });

  it('are not too many', () => {
    const many = files(...Array.from({ length: LIMITS.modelFilesMax + 1 }, (_, index) => `1/${index}`));
    expect(refusal(many)).toBe(
      "INVALID_ARGUMENT Files of model 'm': more than 16384, the most that are taken.",
    );
  });
});

describe('a model made of files that a client sent', () => {
  const SENT = files('1/model.onnx', '1/data/weights', 'labels.txt', '2/.keep');

  it.each(['with', 'without'])('is listed and fetched like any other, %s a cache', async (how) => {
    const artifactCache = how === 'with' ? bench.cache() : null;
    const repository = bench.repository({ 'm/7/model.onnx': '' });
    const { store } = bench.open(repository, { artifactCache });
    const model = await store.put('m', SENT);
    expect(model.folder.versions.map(({ version }) => version)).toEqual([1, 2]);
    expect(model.folder.findings).toEqual([]);
    const version = await store.fetchVersion(model, 1);
    expect(contents(version.directory)).toEqual({
      'model.onnx': '1/model.onnx',
      'data/weights': '1/data/weights',
    });
    const own = await store.fetchFiles(model);
    expect([...own.hashes.keys()]).toEqual(['labels.txt']);
    expect((await store.find('m'))?.folder.versions.map(({ version: other }) => other)).toEqual([7]);
    store.close();
  });

  it('may be none', async () => {
    const { store } = bench.open(bench.repository(), { artifactCache: bench.cache() });
    const { folder } = await store.put('m', new Map());
    expect(folder.versions).toEqual([]);
  });

  it.each(['', '..', 'a/b', '../x'])('has the name of a model, not %j', async (name) => {
    const { store } = bench.open(bench.repository(), { artifactCache: bench.cache() });
    await expect(store.put(name, SENT)).rejects.toThrow(
      `invalid model name '${name}', model name must not contain path traversal characters`,
    );
  });

  it('is kept with the last few of its name, until it is released', async () => {
    const artifactCache = bench.cache();
    const { store } = bench.open(bench.repository(), { artifactCache });
    const own = (): string[] => {
      const [owner] = namesIn(join(artifactCache, 'tmp'));
      return namesIn(join(artifactCache, 'tmp', owner ?? ''));
    };
    for (let count = 0; count < 6; count++) await store.put('m', SENT);
    expect(own()).toHaveLength(LIMITS.sentModelsMax);
    await store.put('n', SENT);
    await store.release('m');
    expect(own()).toHaveLength(1);
    store.close();
    expect(namesIn(join(artifactCache, 'tmp'))).toEqual([]);
  });

  it('leaves nothing in the folder of temporary files', async () => {
    const { store } = bench.open(bench.repository());
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('naiad-sent-'));
    const model = await store.put('m', SENT);
    const own = model.folder.repository;
    expect(before).not.toContain(own);
    store.close();
    expect(namesIn(own)).toEqual([]);
  });
});
