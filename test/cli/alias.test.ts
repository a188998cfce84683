import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { wordsOf } from '#naiad/cli/alias.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
  symlinkSync(resolve('dist/main.js'), join(folder, 'tritonserver'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  [
    ['node', '/usr/bin/tritonserver', '--help'],
    ['serve', '--help'],
  ],
  [['node', 'C:/bin/tritonserver.js'], ['serve']],
  [
    ['node', '/usr/bin/naiad', 'serve', '--help'],
    ['serve', '--help'],
  ],
])('%j says %j', (argv, words) => {
  expect(wordsOf(argv)).toEqual(words);
});

it('a server starts by the name that scripts for Triton have, as package managers link it', () => {
  const { status, stderr } = spawnSync(
    join(folder, 'tritonserver'),
    ['--model-repository=/no/such', '--exit-on-eror'],
    {
      encoding: 'utf8',
    },
  );
  expect(status).toBe(2);
  expect(stderr).toContain("did you mean '--exit-on-error'?");
});
