import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderWatch } from '#naiad/repository/folder-watch.js';

let root: string;
let hints: number;
let watch: FolderWatch;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'naiad-watch-'));
  hints = 0;
  watch = new FolderWatch(() => hints++);
});
afterEach(() => {
  watch.close();
  rmSync(root, { recursive: true, force: true });
});

const at = (path: string): string => join(root, path);

/** Writes files into a folder until that is told. */
async function told(directory: string, folders: readonly string[]): Promise<void> {
  let files = 0;
  let before = hints;
  const write = (): boolean => {
    const isTold = hints > before;
    // Each look, as after a hint, may find what had to be watched anew; that hint says nothing of the file.
    watch.update(folders);
    before = hints;
    writeFileSync(join(directory, `file${files++}`), '');
    return isTold && files > 3;
  };
  await expect.poll(write, { timeout: 5000, interval: 30 }).toBe(true);
}

describe('a watched folder', () => {
  it('is told of', async () => {
    mkdirSync(at('m'));
    await told(at('m'), [root, at('m')]);
    expect(watch.size).toBe(2);
  });

  it('is told of when another has come in its place by rename', async () => {
    for (const name of ['m/1', '.new/1']) mkdirSync(at(name), { recursive: true });
    const folders = [root, at('m'), at('m/1')];
    watch.update(folders);
    renameSync(at('m'), at('.old'));
    renameSync(at('.new'), at('m'));
    await told(at('m/1'), folders);
    await told(at('m'), folders);
    expect(watch.size).toBe(3);
  });

  it('is told of when a link on the way to it leads elsewhere, as Kubernetes swaps volumes', async () => {
    for (const name of ['m/..one/1', 'm/..two/1']) mkdirSync(at(name), { recursive: true });
    symlinkSync('..one', at('m/..data'));
    symlinkSync('..data/1', at('m/1'));
    const folders = [root, at('m'), at('m/1')];
    watch.update(folders);
    symlinkSync('..two', at('m/..data_tmp'));
    renameSync(at('m/..data_tmp'), at('m/..data'));
    await told(at('m/..two/1'), folders);
  });

  it('is told of when the repository is a link that leads elsewhere, as git-sync swaps them', async () => {
    for (const name of ['one/m', 'two/m']) mkdirSync(at(name), { recursive: true });
    symlinkSync('one', at('models'));
    const folders = [at('models'), at('models/m')];
    watch.update(folders);
    symlinkSync('two', at('models_tmp'));
    renameSync(at('models_tmp'), at('models'));
    await told(at('two/m'), folders);
  });

  it('is not watched any more when it is not wanted', () => {
    mkdirSync(at('m'));
    watch.update([root, at('m')]);
    watch.update([root]);
    expect(watch.size).toBe(1);
    watch.update([at('gone')]);
    expect(watch.size).toBe(0);
  });
});
