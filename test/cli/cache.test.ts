import { chmodSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';
import { ArtifactCache } from '#naiad/repository/artifact-cache.js';
import { TreeCache } from '#naiad/repository/tree-cache.js';
import { cli } from './run-cli.js';

const DAY_MS = 86_400_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** An artifact of a model, last used some days ago, and a model of which none could be made. */
async function fill(models: Readonly<Record<string, number>>): Promise<void> {
  const trees = new TreeCache({
    directory,
    bytesMax: Number.POSITIVE_INFINITY,
    clock: systemClock,
    held: () => new Set(),
  });
  const artifacts = new ArtifactCache(trees, systemClock);
  const key = (model: string) => Buffer.from(model).toString('hex').padEnd(64, '0');
  for (const [model, days] of Object.entries(models)) {
    const begun = artifacts.begin(1);
    writeFileSync(join(begun.directory, 'model.onnx'), `${model} ${'x'.repeat(1_000_000)}`);
    const label = { model, version: 1, made: 'compiled' };
    const made = await artifacts.publish(begun.draft, key(model), label, null);
    const seconds = (systemClock.wallMs() - days * DAY_MS) / 1000;
    utimesSync(join(made.directory ?? '', '..'), seconds, seconds);
  }
  artifacts.refuse(key('odd'), { model: 'odd', version: 3, made: 'quantized: int8' }, 'it is odd', null);
  trees.close();
}

const run = (...argv: string[]) => cli('cache', ...argv, `--artifact-cache=${directory}`);

function damage(): void {
  for (const tree of readdirSync(join(directory, 'trees'))) {
    const file = join(directory, 'trees', tree, 'files', 'model.onnx');
    chmodSync(file, 0o644);
    writeFileSync(file, 'y'.repeat(1_000_002));
  }
}

describe('naiad cache', () => {
  it('lists what was made, and what could not be', async () => {
    await fill({ a: 0, b: 3 });
    const { code, out } = await run();
    expect(code).toBe(0);
    expect(out).toMatch(/\| 1\.0 +\| within the hour \| compiled +\| a:1 /);
    expect(out).toMatch(/\| 1\.0 +\| 3 days ago +\| compiled +\| b:1 /);
    expect(out).toContain('2 items, 2.0 MB');
    expect(out).toMatch(/\| odd:3 +\| quantized: int8 +\| it is odd /);
    const json = JSON.parse((await run('ls', '--json')).out);
    expect(json).toMatchObject({
      items: [
        { kind: 'artifact', models: ['a:1'], what: 'compiled', bytes: 1_000_002, in_use: true },
        { kind: 'artifact', models: ['b:1'], in_use: false },
      ],
      refusals: [{ model: 'odd', version: 3, reason: 'it is odd' }],
    });
  });

  it('removes what nobody uses, as far as it is told to', async () => {
    await fill({ a: 0, b: 3, c: 40 });
    expect((await run('prune', '--keep-mb=3')).out).toContain('removed 1 item, 1.0 MB; 2 items left');
    expect((await run('prune', '--unused-days=30')).out).toContain('removed 0 items');
    expect((await run('prune')).out).toBe(
      'removed 1 item, 1.0 MB; 1 item left, 1.0 MB, 1 of them used within the hour\n',
    );
    expect(JSON.parse((await run('prune', '--json')).out)).toMatchObject({
      removed: [],
      kept: [{ models: ['a:1'] }],
    });
  });

  it('finds what is damaged, and removes it when told to', async () => {
    await fill({ b: 3 });
    expect(await run('verify')).toMatchObject({ code: 0, out: '1 item read, 0 damaged\n' });
    damage();
    const found = await run('verify');
    expect(found.code).toBe(1);
    expect(found.out).toMatch(
      /\| still there \| 'model.onnx' has another content than it was written with \|/,
    );
    expect(await run('verify', '--remove', '--json')).toMatchObject({ code: 0 });
    expect((await run('ls', '--json')).out).toContain('"items": []');
  });

  it('removes what is damaged and was used just now once no server has the cache open, and says why', async () => {
    await fill({ a: 0 });
    damage();
    const server = new TreeCache({ directory, bytesMax: 1e9, clock: systemClock, held: () => new Set() });
    server.draft();
    expect(await run('verify', '--remove')).toMatchObject({
      code: 1,
      out: expect.stringContaining('| stays, a server may be using it |'),
    });
    server.close();
    expect(await run('verify', '--remove')).toMatchObject({
      code: 0,
      out: expect.stringContaining('| removed '),
    });
    expect((await run('ls', '--json')).out).toContain('"items": []');
  });

  it('tells of mistakes', async () => {
    expect(await run('prune', 'all')).toMatchObject({ code: 2 });
    expect(await run('ls', '--keep-mb=3')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--keep-mb belongs to: naiad cache prune'),
    });
    const unknown = await run('vrify');
    expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("did you mean 'verify'") });
    expect(await cli('cache', '--artifact-cache=/nowhere/at/all')).toMatchObject({
      code: 1,
      err: "naiad cache: there is no folder '/nowhere/at/all'\n",
    });
    expect((await run()).out).toBe('the cache is empty\n');
  });
});
