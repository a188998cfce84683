import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
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
  it('is compiled once, answers the same, and is compiled again when that is damaged', async () => {
    const directory = aRepository();
    const plain = await answerOf(await serve(directory, null));
    const cache = aCache();
    const first = await serve(directory, cache);
    expect(steps(first)).toContain('compile');
    expect(await answerOf(first)).toEqual(plain);
    expect(readdirSync(filesOf(cache)).sort()).toEqual(['model.bin', 'model.onnx']);
    await first.stop();

    const weights = join(filesOf(cache), 'model.bin');
    const sound = readFileSync(weights);
    const { atime, mtime } = statSync(weights);
    chmodSync(weights, 0o644);
    const bytes = Buffer.from(sound);
    // The exponent of a number in the middle: the model could be loaded with it, and would answer wrongly.
    bytes.writeUInt8(bytes.readUInt8(bytes.length / 2 + 3) ^ 1, bytes.length / 2 + 3);
    writeFileSync(weights, bytes);
    utimesSync(weights, atime, mtime);
    const damaged = await serve(directory, cache);
    expect(steps(damaged)).toContain('compile');
    expect(await answerOf(damaged)).toEqual(plain);
    expect(damaged.log.messages('warn')).toEqual([
      expect.stringMatching(/^entry 'trees\/.*' of the artifact cache '.*' is damaged: 'model\.bin' has/),
    ]);
    expect(readFileSync(join(filesOf(cache), 'model.bin')).equals(sound)).toBe(true);
    await damaged.stop();

    const next = await serve(directory, cache);
    expect(steps(next)).not.toContain('compile');
    expect(await answerOf(next)).toEqual(plain);
    expect(next.log.messages('warn')).toEqual([]);
  });

  it('is served as it is where nothing can be written, which is said once', async () => {
    const file = join(aCache(), '..', 'file');
    writeFileSync(file, '');
    const server = await serve(aRepository(), file);
    await answerOf(server);
    expect(server.log.messages('warn')).toEqual([expect.stringMatching(/served from the repositor/)]);
  });
});
