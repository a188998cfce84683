import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fp32sOf } from '../support/messages.js';
import { onnxModel } from '../support/onnx.js';
import { adder, adderConfig } from '../support/reload-models.js';
import { type ReloadOptions, ReloadServer } from '../support/reload-server.js';
import { type Files, TestRepository } from '../support/repository.js';

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function serve(
  mode: 'poll' | 'explicit',
  files: Files,
  options: ReloadOptions = {},
): Promise<ReloadServer> {
  const server = await ReloadServer.start(mode, files, options);
  cleanup.push(() => server.stop());
  return server;
}

const aModel = (name: string, content: number, version = 1): Files => ({
  [`${name}/config.pbtxt`]: adderConfig(),
  [`${name}/${version}/model.onnx`]: adder(content),
});

/** Values of the table, 2 MiB of them. */
const TABLE = 1 << 19;

/** OUTPUT0 = those values of a table in a file of its own that INPUT0 names by their places. */
function tableModel(file: string): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'INPUT0', type: 'INT64', dims: ['batch', 'n'] }],
    outputs: [{ name: 'OUTPUT0', type: 'FP32', dims: ['batch', 'n'] }],
    initializers: [{ name: 'T', type: 'FP32', dims: [TABLE], data: { file } }],
    nodes: [{ op: 'Gather', inputs: ['T', 'INPUT0'], outputs: ['OUTPUT0'] }],
  });
}

const table = (add: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: TABLE }, (_, i) => i + add).buffer);

describe.each([
  ['copied, and mapped by it', true],
  ['served from the repository itself', false],
])('files under a loaded session, %s,', (_, cache) => {
  const HARMS: Readonly<Record<string, (weights: string, folder: string) => void>> = {
    'cut off': (weights) => truncateSync(weights, 0),
    overwritten: (weights) => writeFileSync(weights, new Uint8Array(statSync(weights).size).fill(77)),
    deleted: (_, folder) => rmSync(folder, { recursive: true }),
  };

  it('can be cut off, overwritten and deleted', async () => {
    const models = Object.keys(HARMS).map((_, index) => ({
      [`table${index}/1/model.onnx`]: tableModel('weights.bin'),
      [`table${index}/1/weights.bin`]: table(0.5),
    }));
    const server = await serve('explicit', Object.assign({}, ...models), { cache });
    // A value of each page.
    const places = Array.from({ length: TABLE / 512 }, (_, page) => page * 512 + (page % 512));
    for (const [index, [name, harm]] of Object.entries(HARMS).entries()) {
      const folder = server.repository.path(`table${index}`);
      harm(join(folder, '1/weights.bin'), folder);
      const response = await server.test.client.infer({
        model_name: `table${index}`,
        inputs: [{ name: 'INPUT0', datatype: 'INT64', shape: [1, places.length] }],
        raw_input_contents: [Buffer.from(BigInt64Array.from(places, BigInt).buffer)],
      });
      const expected = places.map((place) => place + 0.5);
      expect(fp32sOf(response, 0), name).toEqual(expected);
    }
  });
});

describe('a folder that is deleted', () => {
  it('is served until the last request is answered', async () => {
    const server = await serve('poll', aModel('m', 1));
    let asking = true;
    const outcomes: string[] = [];
    const loops = Array.from({ length: 4 }, async () => {
      while (asking) {
        try {
          const { content } = await server.answer('m');
          outcomes.push(`content ${content}`);
        } catch (error) {
          asking = false;
          outcomes.push((error as { details: string }).details);
        }
      }
    });
    await server.log.after(() => rmSync(server.repository.path('m'), { recursive: true }), {
      model: 'm',
      event: 'unloaded',
    });
    await Promise.all(loops);
    expect([...new Set(outcomes)].sort()).toEqual([
      expect.stringMatching(/^Request for unknown model: 'm' (is not found|has no available versions)$/),
      'content 1',
    ]);
    expect(await server.index('m')).toEqual([]);
    expect(server.test.server.status()).toMatchObject({ leases: 0, lanes: { lanes: [] } });
    expect(await server.metric('naiad_model_ready{model="m",version="1"}')).toBe(null);
    // And comes back.
    await server.log.after(() => server.repository.write(aModel('m', 2)), { model: 'm', event: 'ready' });
    expect(await server.answer('m')).toEqual({ version: '1', content: 2 });
  });

  it('of a version leaves the one before it', async () => {
    const server = await serve('poll', { ...aModel('m', 1), ...aModel('m', 2, 2) });
    await server.log.after(() => rmSync(server.repository.path('m/2'), { recursive: true }), {
      model: 'm',
      version: 2,
      event: 'unloaded',
    });
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    expect(await server.index('m')).toEqual([{ name: 'm', version: '1', state: 'READY', reason: '' }]);
  });
});

describe('links that are turned to something else at once', () => {
  /** A link in place of the one before, as if it had always been there. */
  function turn(link: string, target: string): void {
    symlinkSync(target, `${link}.new`);
    renameSync(`${link}.new`, link);
  }

  it("within a model's folder, as Kubernetes does", async () => {
    const repository = new TestRepository({
      'm/..first/config.pbtxt': adderConfig(),
      'm/..first/1/model.onnx': adder(1),
      'm/..second/config.pbtxt': adderConfig(),
      'm/..second/1/model.onnx': adder(2),
    });
    cleanup.push(() => repository.remove());
    turn(repository.path('m/..data'), '..first');
    repository.link('m/config.pbtxt', '..data/config.pbtxt');
    repository.link('m/1', '..data/1');
    const server = await serve('poll', {}, { settings: { modelRepositories: [repository.directory] } });
    expect((await server.answer('m')).content).toBe(1);
    const ready = { model: 'm', event: 'ready' } as const;
    await server.log.after(() => turn(repository.path('m/..data'), '..second'), ready);
    expect((await server.answer('m')).content).toBe(2);
  });

  it('to a whole repository, as git-sync does: what is the same in both goes on', async () => {
    const trees = new TestRepository();
    cleanup.push(() => trees.remove());
    for (const [tree, content] of [
      ['first', 1],
      ['second', 2],
    ] as const) {
      const models = Object.entries({ ...aModel('a', content), ...aModel('b', 5) });
      trees.write(Object.fromEntries(models.map(([path, file]) => [`${tree}/${path}`, file])));
    }
    trees.link('repository', 'first');
    const directory = trees.path('repository');
    const server = await serve('poll', {}, { settings: { modelRepositories: [directory] } });
    const lanes = server.lanes('b');
    await server.log.after(() => turn(directory, 'second'), { model: 'a', event: 'ready' });
    expect((await server.answer('a')).content).toBe(2);
    await server.scans(2);
    expect(server.log.happenings.filter(({ model }) => model === 'b')).toHaveLength(2);
    expect(server.lanes('b')).toEqual(lanes);
  });
});

describe('several repositories', () => {
  it('may go and come back', async () => {
    const other = new TestRepository(aModel('b', 2));
    cleanup.push(() => other.remove());
    const first = new TestRepository(aModel('a', 1));
    cleanup.push(() => first.remove());
    const server = await serve(
      'poll',
      {},
      {
        settings: { modelRepositories: [first.directory, other.directory] },
      },
    );
    const happened = server.log.happenings.length;
    const away = `${other.directory}-away`;
    renameSync(other.directory, away);
    const failed = 'naiad_repository_scans_total{outcome="failed"}';
    await expect.poll(() => server.metric(failed), { timeout: 5000 }).toBeGreaterThan(1);
    expect(await server.answer('a')).toEqual({ version: '1', content: 1 });
    expect(await server.answer('b')).toEqual({ version: '1', content: 2 });
    renameSync(away, other.directory);
    await server.scans(3);
    expect(server.log.told(happened)).toEqual([]);
    expect(server.log.messages('error')).toEqual([expect.stringContaining('its models stay as they are')]);
    expect(server.log.messages('info')).toContainEqual(expect.stringContaining('can be read again'));
    expect(await server.answer('b')).toEqual({ version: '1', content: 2 });
  });

  it('with one name: what was there first is served, and the index says why not both', async () => {
    const first = new TestRepository(aModel('m', 1));
    const other = new TestRepository();
    cleanup.push(() => {
      first.remove();
      other.remove();
    });
    const server = await serve(
      'poll',
      {},
      {
        settings: { modelRepositories: [first.directory, other.directory] },
      },
    );
    await server.log.after(() => other.write(aModel('m', 2)), { model: 'm', event: 'rejected' });
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    expect(await server.index('m')).toEqual([
      {
        name: 'm',
        version: '',
        state: 'UNAVAILABLE',
        reason: expect.stringContaining('not unique across all model repositories'),
      },
      { name: 'm', version: '1', state: 'READY', reason: '' },
    ]);
    rmSync(join(first.directory, 'm'), { recursive: true });
    await server.log.next({ model: 'm', event: 'ready' }, server.log.happenings.length - 1);
    expect(await server.answer('m')).toEqual({ version: '1', content: 2 });
    expect(await server.index('m')).toEqual([{ name: 'm', version: '1', state: 'READY', reason: '' }]);
  });
});

describe('configs/NAME.pbtxt', () => {
  it('is what the server goes by', async () => {
    const server = await serve(
      'poll',
      { ...aModel('m', 1), 'm/configs/small.pbtxt': adderConfig().replace('32', '2'), ...aModel('n', 1) },
      { lifecycle: { configName: 'small' } },
    );
    expect([await server.maxBatchSize('m'), await server.maxBatchSize('n')]).toEqual([2, 32]);
    await server.log.after(
      () => server.repository.write({ 'm/configs/small.pbtxt': adderConfig().replace('32', '4') }),
      { model: 'm', event: 'ready' },
    );
    expect(await server.maxBatchSize('m')).toBe(4);
    const happened = server.log.happenings.length;
    server.repository.write({ 'm/config.pbtxt': adderConfig().replace('32', '16') });
    await server.scans(3);
    expect(server.log.told(happened)).toEqual([]);
  });
});

describe('a copy that is damaged', () => {
  it('is made again before it is loaded, by the next load and by the next server', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
    cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
    const server = await serve('explicit', aModel('m', 1), { lifecycle: { artifactCache: cache } });
    const damage = (): void => {
      const copies = readdirSync(cache, { recursive: true })
        .map((path) => join(cache, String(path)))
        .filter((path) => path.endsWith('model.onnx'));
      expect(copies).toHaveLength(1);
      for (const copy of copies) {
        const { size } = statSync(copy);
        chmodSync(copy, 0o600);
        // Another model that can be loaded as well.
        const other = adder(2);
        expect(other).toHaveLength(size);
        writeFileSync(copy, other);
      }
    };
    const told = (log: ReloadServer['log']): string[] =>
      log.messages('warn').filter((text) => text.includes("is damaged: 'model.onnx' has another content"));
    await server.unload('m');
    damage();
    await server.load('m');
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    expect(told(server.log)).toHaveLength(1);
    const settings = { modelRepositories: [server.repository.directory] };
    damage();
    const next = await serve('explicit', {}, { settings, lifecycle: { artifactCache: cache } });
    expect(await next.answer('m')).toEqual({ version: '1', content: 1 });
    expect(told(next.log)).toHaveLength(1);
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
  });
});

describe('a cache that can not be written', () => {
  it('is told of once, and models are served all the same', async () => {
    const files = { ...aModel('m', 1), 'file.txt': 'no folder' };
    const repository = new TestRepository(files);
    cleanup.push(() => repository.remove());
    const server = await serve(
      'explicit',
      {},
      {
        settings: { modelRepositories: [repository.directory] },
        lifecycle: { artifactCache: join(repository.directory, 'file.txt', 'cache') },
      },
    );
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    repository.write(aModel('m', 2, 2));
    await server.load('m');
    expect(await server.answer('m')).toEqual({ version: '2', content: 2 });
    expect(server.log.messages('warn')).toEqual([expect.stringMatching(/^can't use the artifact cache '/)]);
    expect(server.log.messages('error')).toEqual([]);
  });
});
