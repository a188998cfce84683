import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { matmulModel } from '../support/onnx.js';
import { TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer, testLifecycle } from '../support/server.js';

const SIZE = 520;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A model just above the size from which it is compiled. */
function aRepository(): string {
  const repository = new TestRepository({
    'm/config.pbtxt': 'backend: "onnxruntime"\nmax_batch_size: 2\ninstance_group { count: 1 kind: KIND_CPU }',
    'm/1/model.onnx': matmulModel(SIZE, SIZE, (row, column) => Math.cos(row + column)),
  });
  cleanups.push(() => repository.remove());
  return repository.directory;
}

function aCache(): string {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'cache');
}

async function serve(directory: string, artifactCache: string | null): Promise<TestServer> {
  const server = await startTestServer({
    modelRepositories: [directory],
    lifecycle: testLifecycle({ artifactCache }),
  });
  cleanups.push(() => server.stop());
  return server;
}

async function answerOf({ client }: TestServer): Promise<Buffer> {
  const values = Float32Array.from({ length: SIZE }, (_, index) => Math.sin(index));
  const { raw_output_contents } = (await client.infer({
    model_name: 'm',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, SIZE] }],
    raw_input_contents: [Buffer.from(values.buffer)],
  })) as { raw_output_contents: Buffer[] };
  return raw_output_contents[0] ?? Buffer.of();
}

/** Steps of the last load. */
function steps({ log }: TestServer): string[] {
  const ready = log.lines.findLast(({ fields }) => 'event' in fields && fields.event === 'ready');
  return Object.keys((ready?.fields as { steps?: object } | undefined)?.steps ?? {});
}

const entriesIn = (cache: string): string[] =>
  readdirSync(join(cache, 'artifacts')).map((name) => join(cache, 'artifacts', name));

function filesOf(cache: string): string {
  const [entry = ''] = entriesIn(cache);
  const { tree } = JSON.parse(readFileSync(entry, 'utf8')) as { tree: string };
  return join(cache, 'trees', tree, 'files');
}

describe('a model on a server with a cache', () => {
  it('is compiled once, answers the same, and does without what can not be loaded', async () => {
    const directory = aRepository();
    const plain = await answerOf(await serve(directory, null));
    const cache = aCache();
    const first = await serve(directory, cache);
    expect(steps(first)).toContain('compile');
    expect(await answerOf(first)).toEqual(plain);
    const model = join(filesOf(cache), 'model.onnx');
    expect(readdirSync(filesOf(cache)).sort()).toEqual(['model.bin', 'model.onnx']);
    await first.stop();

    const { length } = readFileSync(model);
    chmodSync(model, 0o644);
    writeFileSync(model, Buffer.alloc(length, 255));
    const damaged = await serve(directory, cache);
    expect(steps(damaged)).not.toContain('compile');
    expect(await answerOf(damaged)).toEqual(plain);
    expect(damaged.log.messages('info').join()).toContain("'m' version 1 is not compiled for this machine");
    expect(existsSync(model)).toBe(false);
    await damaged.stop();

    const next = await serve(directory, cache);
    expect(steps(next)).toContain('compile');
    expect(await answerOf(next)).toEqual(plain);
  });

  it('is served as it is where nothing can be written, which is said once', async () => {
    const file = join(aCache(), '..', 'file');
    writeFileSync(file, '');
    const server = await serve(aRepository(), file);
    await answerOf(server);
    expect(server.log.messages('warn')).toEqual([expect.stringMatching(/served from the repositor/)]);
  });
});
