import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StoreError } from '#naiad/lifecycle/ask-store.js';
import {
  ChangedWhileReadError,
  type ReadOptions,
  readArchived,
  readGeneration,
} from '#naiad/lifecycle/read-generation.js';
import { FindingsError } from '#naiad/model-config/findings.js';
import type { ListedModel } from '#naiad/repository/store.js';
import { Harness } from './harness.js';

vi.mock('node:fs/promises', async (importOriginal) => {
  const { virtualPromises } = await import('./simulation/virtual-disk.js');
  const promises = virtualPromises(await importOriginal<typeof import('node:fs/promises')>());
  return { ...promises, default: promises };
});

let server: Harness;

beforeEach(() => {
  server = new Harness();
  server.write('m', { 1: 'good', 3: 'good' }, { versions: 'all', labels: true });
  server.writeFile('m', 'labels.txt', 'cat');
});

async function listed(name = 'm'): Promise<ListedModel> {
  const model = await server.store.find(name);
  if (model === null) throw new Error(`there is no model '${name}'`);
  return model;
}

const read = (model: ListedModel, options: Partial<ReadOptions> = {}) =>
  readGeneration(server.store, model, {
    configName: '',
    override: null,
    origin: 'repository',
    sent: false,
    clock: server.clock,
    ...options,
  });

/** Something happens when a version is fetched. */
function whileRead(happen: () => void): void {
  const fetch = server.store.fetchVersion.bind(server.store);
  vi.spyOn(server.store, 'fetchVersion').mockImplementationOnce((...asked) => {
    happen();
    return fetch(...asked);
  });
}

describe('readGeneration', () => {
  it('reads the versions that the configuration serves, from copies', async () => {
    const generation = await read(await listed());
    expect(generation.versions.map(({ version }) => version)).toEqual([1, 3]);
    const [first] = generation.source.folder.versions;
    expect(first?.directory).toMatch(/^\/sim\/cache\//);
    expect(first?.origin).toBe('/sim/a/m/1');
    expect(generation.archived?.id).toBe(generation.id);
  });

  it('can not come back to what is served from the repository itself', async () => {
    server = new Harness({ copies: false });
    server.write('m', { 1: 'good' });
    const generation = await read(await listed());
    expect(generation.source.folder.versions[0]?.directory).toBe('/sim/a/m/1');
    expect(generation.archived).toBeNull();
  });

  it('takes a configuration in place of that of the folder', async () => {
    const generation = await read(await listed(), {
      origin: 'override',
      override: server.override({ versions: [3] }),
    });
    expect(generation.versions.map(({ version }) => version)).toEqual([3]);
    expect(generation.archived?.configOverride).toContain('version_policy');
  });

  it('says what is wrong', async () => {
    server.configure('m', { broken: 'syntax' });
    await expect(read(await listed())).rejects.toThrow(FindingsError);
    vi.spyOn(server.store, 'fetchFiles').mockRejectedValueOnce(new Error('input/output error'));
    await expect(read(await listed())).rejects.toThrow('input/output error');
  });

  it.each<[string, () => void]>([
    ['another version', () => server.write('m', { 3: 'good' })],
    ['one that comes', () => server.write('m', { 4: 'good' })],
    ['labels', () => server.writeFile('m', 'labels.txt', 'dog')],
    ['the folder, which is gone', () => server.remove('m')],
  ])('notices a change of %s', async (_, change) => {
    const model = await listed();
    whileRead(change);
    await expect(read(model)).rejects.toThrow(ChangedWhileReadError);
  });

  it('does not believe what is wrong with files that are being changed', async () => {
    server.configure('m', { broken: 'syntax' });
    const model = await listed();
    server.configure('m', { broken: 'no' });
    await expect(read(model)).rejects.toThrow(ChangedWhileReadError);
  });

  it('does not ask the repository for what a client has sent', async () => {
    const sent = await server.store.put('m', new Map([['1/model.bin', Buffer.from('model.')]]));
    const generation = await read(sent, { override: server.override({}), origin: 'override', sent: true });
    expect(generation.versions).toHaveLength(1);
    expect(generation.id).not.toBe((await read(await listed())).id);
  });

  it('says when the repository does not tell whether something has changed', async () => {
    const model = await listed();
    whileRead(() => {
      for (const repository of server.repositories.all) repository.readable = false;
    });
    await expect(read(model)).rejects.toThrow(StoreError);
  });
});

describe('readArchived', () => {
  it('reads what was archived, whatever has become of the repository', async () => {
    const generation = await read(await listed());
    server.remove('m');
    if (generation.archived === null) throw new Error('it is not archived');
    const again = await readArchived(generation.archived, { configName: '', clock: server.clock });
    expect([again.id, again.origin]).toEqual([generation.id, 'rollback']);
    expect(again.versions).toEqual(generation.versions);
  });

  it('keeps the configuration that was sent', async () => {
    const override = server.override({ versions: [3] });
    const { archived, id } = await read(await listed(), { origin: 'override', override });
    if (archived === null) throw new Error('it is not archived');
    expect((await readArchived(archived, { configName: '', clock: server.clock })).id).toBe(id);
  });
});
