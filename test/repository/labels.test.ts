import { symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { emptyConfig } from '#naiad/model-config/parsed-config.js';
import { readLabels, toLabels } from '#naiad/repository/labels.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { TestRepository } from '../support/repository.js';

let repository: TestRepository | undefined;
afterEach(() => repository?.remove());

function aFolder(): string {
  repository = new TestRepository({
    'm/labels.txt': 'cat\ndog\n',
    'm/sub/more.txt': 'a',
    'm/latin.txt': new Uint8Array([0xe9, 0x0a]),
    'secret.txt': 'password\n',
    'm2/labels.txt': 'x',
  });
  return join(repository.directory, 'm');
}

async function read(directory: string, file: string) {
  const output = {
    name: 'Y',
    data_type: 'TYPE_FP32',
    dims: [2],
    label_filename: file,
    is_shape_tensor: false,
    is_non_linear_format_io: false,
  };
  const { labels, problems } = await readLabels(directory, { ...emptyConfig(), output: [output] });
  return {
    labels: labels.get('Y'),
    problems: problems.map(({ path, message }) => `${path.join('.')}: ${message}`),
  };
}

describe('labels', () => {
  it.each([
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb', ['a', 'b']],
    ['a\n\n c \n\n', ['a', '', ' c ', '']],
    ['', []],
    ['\n', ['']],
  ])('of %j are its lines', (text, labels) => {
    expect(toLabels(text)).toEqual(labels);
  });

  it('come from files in the folder of the model', async () => {
    const folder = aFolder();
    expect(await read(folder, 'labels.txt')).toEqual({ labels: ['cat', 'dog'], problems: [] });
    expect(await read(folder, 'sub/../sub/more.txt')).toEqual({ labels: ['a'], problems: [] });
    expect(await read(folder, '')).toEqual({ labels: undefined, problems: [] });
    symlinkSync('labels.txt', join(folder, 'link.txt'));
    expect((await read(folder, 'link.txt')).labels).toEqual(['cat', 'dog']);
  });

  it.each([
    ['../secret.txt', 'it lies outside the folder of the model'],
    ['sub/../../m2/labels.txt', 'it lies outside the folder of the model'],
    ['../m/../secret.txt', 'it lies outside the folder of the model'],
    ['.', 'it is a folder'],
    ['sub', 'it is a folder'],
    ['latin.txt', 'it is not UTF-8 text'],
    ['a\0b', 'it has no valid name'],
  ])('do not come from %j', async (file, reason) => {
    expect(await read(aFolder(), file)).toEqual({
      labels: undefined,
      problems: [`output.0.label_filename: label file '${file}' of output 'Y': ${reason}`],
    });
  });

  it.each([
    ['gone.txt', 'No such file or directory'],
    ['labels.txt/x', 'Not a directory'],
  ])("do not come from %j, in the system's words", async (file, reason) => {
    const folder = aFolder();
    expect((await read(folder, file)).problems).toEqual([
      `output.0.label_filename: failed to open text file for read ${join(folder, file)}: ${reason} (label file of output 'Y')`,
    ]);
  });

  it('do not come from where a link leads out', async () => {
    const folder = aFolder();
    symlinkSync('../secret.txt', join(folder, 'link.txt'));
    symlinkSync('..', join(folder, 'up'));
    for (const file of ['link.txt', 'up/secret.txt']) {
      expect((await read(folder, file)).problems).toEqual([
        `output.0.label_filename: label file '${file}' of output 'Y': it leads outside the folder of the model`,
      ]);
    }
  });

  it('are no more than a configuration may have', async () => {
    const folder = aFolder();
    truncateSync(join(folder, 'labels.txt'), LIMITS.labelBytesMax + 1);
    expect((await read(folder, 'labels.txt')).problems).toEqual([
      `output.0.label_filename: label file 'labels.txt' of output 'Y': it has ${LIMITS.labelBytesMax + 1} bytes, the limit is ${LIMITS.labelBytesMax}`,
    ]);
  });
});
