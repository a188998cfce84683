import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BuilderClosedError, BuildLostError } from '#naiad/worker/build/build-child.js';
import type { BuildReply, BuildRequest } from '#naiad/worker/build/build-message.js';
import { Builder, type BuilderOptions } from '#naiad/worker/build/builder.js';
import { FakeClock } from '../../support/fake-clock.js';
import { instanceOptions, removeModel, writeModel } from '../../support/instances.js';
import { matmulModel } from '../../support/onnx.js';

const HANGING = join(import.meta.dirname, 'hanging-process.mjs');

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function aBuilder(options: Partial<BuilderOptions> = {}): { builder: Builder; clock: FakeClock } {
  const clock = new FakeClock();
  const builder = new Builder({ clock, limit: () => 1, gentle: () => false, ...options });
  cleanups.push(() => builder.close());
  return { builder, clock };
}

function aRequest(model: string): BuildRequest {
  const directory = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  const modelFile = writeModel(matmulModel(32, 32));
  cleanups.push(
    () => rmSync(directory, { recursive: true, force: true }),
    () => removeModel(modelFile),
  );
  return {
    cache: { directory, bytesMax: 1 << 30 },
    recipe: {
      contentHash: model,
      modelFile: 'model.onnx',
      device: 'cpu',
      graphLevel: 0,
      session: {},
      quantization: null,
    },
    label: { model, version: 1, made: 'compiled' },
    options: instanceOptions({ modelFile }),
    bytes: 4096,
    shapes: new Map([['X', [-1, 32]]]),
    quantization: null,
  };
}

const filesBelow = (directory: string): string[] =>
  existsSync(directory)
    ? readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('model'))
    : [];

const pidOf = (reply: BuildReply): string => (reply.kind === 'no-cache' ? reply.reason : '');

describe('a builder', () => {
  it('builds in a process of its own', async () => {
    const { builder } = aBuilder({ gentle: () => true });
    const reply = await builder.build(aRequest('m'));
    expect(reply).toMatchObject({ kind: 'built', artifact: { reason: '' } });
  });

  it('rejects what the process does not survive, and starts another one', async () => {
    const { builder } = aBuilder({ entry: HANGING });
    await expect(builder.build(aRequest('die'))).rejects.toThrow(
      new BuildLostError('the process that prepared it ended with code 3'),
    );
    await expect(builder.build(aRequest('fail'))).rejects.toThrow('a mistake');
    expect(pidOf(await builder.build(aRequest('pid')))).not.toBe('');
  });

  it('keeps its process for the next build, until there was none for a while', async () => {
    const { builder, clock } = aBuilder({ entry: HANGING });
    const pid = pidOf(await builder.build(aRequest('pid')));
    expect(pidOf(await builder.build(aRequest('pid')))).toBe(pid);
    await clock.advance(10e9);
    expect(pidOf(await builder.build(aRequest('pid')))).not.toBe(pid);
  });

  it('builds as many at the same time as allowed', async () => {
    let limit = 1;
    const { builder } = aBuilder({ entry: HANGING, limit: () => limit });
    const outcomes: string[] = [];
    const hang = builder.build(aRequest('hang')).catch(() => outcomes.push('hang'));
    const waiting = builder.build(aRequest('pid')).then(() => outcomes.push('waiting'));
    limit = 2;
    await builder.build(aRequest('pid')).then(() => outcomes.push('last'));
    await waiting;
    expect(outcomes).toEqual(['waiting', 'last']);
    await builder.close();
    await hang;
    expect(outcomes).toEqual(['waiting', 'last', 'hang']);
  });

  it('leaves nothing that could be taken for finished when it is killed half-way', async () => {
    const request = aRequest('m');
    const size = 1500;
    writeFileSync(
      request.options.modelFile,
      matmulModel(size, size, (row, column) => Math.sin(row * size + column)),
    );
    const { builder } = aBuilder();
    const killed = expect(builder.build(request)).rejects.toThrow(BuilderClosedError);
    const drafts = join(request.cache.directory, 'tmp');
    await vi.waitFor(() => expect(filesBelow(drafts)).not.toEqual([]), { timeout: 20_000, interval: 1 });
    await builder.close();
    await killed;
    expect(existsSync(join(request.cache.directory, 'artifacts'))).toBe(false);
    const reply = await aBuilder().builder.build(request);
    expect(reply).toMatchObject({ kind: 'built', artifact: { reason: '' }, steps: [{ name: 'compile' }] });
  });

  it('ends what it builds when it is closed, and builds nothing after that', async () => {
    const { builder } = aBuilder({ entry: HANGING });
    const lost = expect(builder.build(aRequest('hang'))).rejects.toThrow(BuilderClosedError);
    const waiting = expect(builder.build(aRequest('pid'))).rejects.toThrow('the server is stopping');
    await builder.close();
    await Promise.all([lost, waiting]);
    await expect(builder.build(aRequest('pid'))).rejects.toThrow('the server is stopping');
  });
});
