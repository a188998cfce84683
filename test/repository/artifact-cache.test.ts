import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ArtifactCache, type ArtifactLabel } from '#naiad/repository/artifact-cache.js';
import { TreeCache } from '#naiad/repository/tree-cache.js';
import { FakeClock } from '../support/fake-clock.js';

const DAY_MS = 86_400_000;
const LABEL: ArtifactLabel = { model: 'm', version: 1, made: 'compiled' };
const KEY = 'a'.repeat(64);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function aCache(): { artifacts: ArtifactCache; entries: string; clock: FakeClock } {
  const directory = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  folders.push(directory);
  const clock = new FakeClock();
  const trees = new TreeCache({ directory, bytesMax: 1 << 20, clock, held: () => new Set() });
  return { artifacts: new ArtifactCache(trees, clock), entries: join(directory, 'artifacts'), clock };
}

async function publish(artifacts: ArtifactCache, key: string, content: string): Promise<string> {
  const { draft, directory } = artifacts.begin(content.length);
  writeFileSync(join(directory, 'model.onnx'), content);
  const artifact = await artifacts.publish(draft, key, LABEL, { compiled: true });
  return artifact.directory ?? '';
}

describe('artifacts', () => {
  it('are found by their keys, with what was said of them', async () => {
    const { artifacts } = aCache();
    expect(await artifacts.find(KEY)).toBeNull();
    const directory = await publish(artifacts, KEY, 'made');
    expect(await artifacts.find(KEY)).toEqual({ directory, reason: '', details: { compiled: true } });
    artifacts.refuse('b', LABEL, 'it is odd', null);
    expect(await artifacts.find('b')).toEqual({ directory: null, reason: 'it is odd', details: null });
    artifacts.discard(KEY);
    expect(await artifacts.find(KEY)).toBeNull();
    expect(artifacts.list().map(({ key }) => key)).toEqual(['b']);
  });

  it('made again later are found from then on', async () => {
    const { artifacts } = aCache();
    const first = await publish(artifacts, KEY, 'made');
    const second = await publish(artifacts, KEY, 'made anew');
    expect(second).not.toBe(first);
    expect((await artifacts.find(KEY))?.directory).toBe(second);
  });

  it('are forgotten with their files, refusals when nobody has asked for a month', async () => {
    const { artifacts, entries, clock } = aCache();
    const directory = await publish(artifacts, KEY, 'made');
    for (const key of ['asked', 'left']) artifacts.refuse(key, LABEL, 'it is odd', null);
    artifacts.tend();
    expect(readdirSync(entries)).toHaveLength(3);
    rmSync(join(directory, '..'), { recursive: true });
    const longAgo = (clock.wallMs() - 31 * DAY_MS) / 1000;
    for (const key of ['asked', 'left']) utimesSync(join(entries, `${key}.json`), longAgo, longAgo);
    expect((await artifacts.find('asked'))?.reason).toBe('it is odd');
    artifacts.tend();
    expect(readdirSync(entries)).toEqual(['asked.json']);
  });

  it('are tended as far as that can be done', async () => {
    const { artifacts, entries } = aCache();
    await publish(artifacts, KEY, 'made');
    mkdirSync(join(entries, 'odd.json', 'deep'), { recursive: true });
    writeFileSync(join(entries, 'broken.json'), '{"key":');
    expect(() => artifacts.tend()).not.toThrow();
    expect(artifacts.list().map(({ key }) => key)).toEqual([KEY]);
    expect(readdirSync(entries)).not.toContain('broken.json');
  });
});
