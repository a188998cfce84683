import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BuildRequest } from '#naiad/worker/build/build-message.js';
import { ArtifactBuilds } from '#naiad/worker/build/run-build.js';
import { instanceOptions, removeModel, writeModel } from '../../support/instances.js';
import { matmulModel } from '../../support/onnx.js';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function aModel(bytes: Uint8Array): string {
  const file = writeModel(bytes);
  cleanups.push(() => removeModel(file));
  return file;
}

function builds(): ArtifactBuilds {
  const made = new ArtifactBuilds();
  cleanups.push(() => made.close());
  return made;
}

function aRequest(overrides: Partial<BuildRequest> = {}, contentHash = 'content'): BuildRequest {
  const modelFile = overrides.options?.modelFile ?? aModel(matmulModel(32, 32));
  return {
    cache: { directory: aFolder(), bytesMax: 1 << 30 },
    recipe: {
      contentHash,
      modelFile: 'model.onnx',
      device: 'cpu',
      graphLevel: 0,
      session: {},
      quantization: null,
    },
    label: { model: 'm', version: 1, made: 'compiled' },
    options: instanceOptions({ modelFile }),
    bytes: 4096,
    shapes: new Map(),
    quantization: null,
    ...overrides,
  };
}

async function directoryOf(request: BuildRequest): Promise<string> {
  const reply = await builds().run(request);
  if (reply.kind !== 'built' || reply.artifact.directory === null) throw new Error('nothing was built');
  return reply.artifact.directory;
}

/** Files that somebody has left half-way. */
function leftovers({ cache }: BuildRequest): string[] {
  const scratch = join(cache.directory, 'tmp');
  return existsSync(scratch)
    ? readdirSync(scratch, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
    : [];
}

describe('a build', () => {
  it('is found by whoever wants the same, and by nobody else', async () => {
    const request = aRequest();
    const first = await builds().run(request);
    expect(first).toMatchObject({ kind: 'built', artifact: { reason: '' }, steps: [{ name: 'compile' }] });
    expect(await builds().run(request)).toEqual({ ...first, steps: [] });
    const { recipe } = request;
    for (const other of [
      { contentHash: 'other' },
      { modelFile: 'other.onnx' },
      { graphLevel: 1 },
      { session: { 'session.x': '1' } },
    ]) {
      const reply = await builds().run({ ...request, recipe: { ...recipe, ...other } });
      expect(reply).toMatchObject({ kind: 'built', steps: [{ name: 'compile' }] });
    }
    expect(leftovers(request)).toEqual([]);
  });

  it('may run twice at the same time', async () => {
    const request = aRequest();
    const directories = await Promise.all([directoryOf(request), directoryOf(request)]);
    for (const directory of directories) expect(readdirSync(directory)).toContain('model.onnx');
    expect(directories).toContain(await directoryOf(request));
  });

  it.each([
    ['a shorter file', (directory: string) => truncateSync(join(directory, 'model.bin'), 10)],
    ['a missing file', (directory: string) => rmSync(join(directory, 'model.bin'))],
    ['a foreign file', (directory: string) => writeFileSync(join(directory, 'more.bin'), '')],
  ])('is made again where there is %s', async (_what, damage) => {
    const request = aRequest();
    const directory = await directoryOf(request);
    chmodSync(directory, 0o755);
    chmodSync(join(directory, 'model.bin'), 0o644);
    damage(directory);
    const reply = await builds().run(request);
    expect(reply).toMatchObject({ kind: 'built', steps: [{ name: 'compile' }] });
    expect(readdirSync(directory).sort()).toEqual(['model.bin', 'model.onnx']);
    expect(await builds().run(request)).toMatchObject({ steps: [] });
  });

  it('is made again where what tells of it is no JSON', async () => {
    const request = aRequest();
    await directoryOf(request);
    const artifacts = join(request.cache.directory, 'artifacts');
    for (const name of readdirSync(artifacts)) writeFileSync(join(artifacts, name), '{"key":');
    expect(await builds().run(request)).toMatchObject({ kind: 'built', steps: [{ name: 'compile' }] });
  });

  it('remembers what can not be built', async () => {
    const modelFile = aModel(Buffer.from('no model'));
    const request = aRequest({ options: instanceOptions({ modelFile }) });
    const reply = await builds().run(request);
    expect(reply).toMatchObject({ kind: 'built', artifact: { directory: null } });
    rmSync(modelFile);
    expect(await builds().run(request)).toEqual({ ...reply, steps: [] });
    expect(leftovers(request)).toEqual([]);
  });

  it('remembers nothing of what came to nothing because the server had gone', async () => {
    const request = aRequest();
    const left = builds();
    const running = left.run(request);
    left.close();
    expect(await running).toMatchObject({ kind: 'no-cache' });
    expect(await builds().run(request)).toMatchObject({ kind: 'built', artifact: { reason: '' } });
  });

  it('does without a cache that can not be written to, and leaves nothing there', async () => {
    const file = join(aFolder(), 'file');
    writeFileSync(file, '');
    const request = aRequest({ cache: { directory: file, bytesMax: 1 } });
    expect(await builds().run(request)).toEqual({ kind: 'no-cache', reason: 'it is not a folder' });
    const full = aRequest({ bytes: 2 ** 60 });
    expect(await builds().run(full)).toMatchObject({
      kind: 'no-cache',
      reason: expect.stringContaining('no space left'),
    });
    expect(leftovers(full)).toEqual([]);
  });
});
