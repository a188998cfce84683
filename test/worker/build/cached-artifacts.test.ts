import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#naiad/lib/clock.js';
import { readQuantizationSettings } from '#naiad/model-config/quantization-parameters.js';
import { bestOf, reportOf } from '#naiad/quantize/attempt.js';
import type { Recipe } from '#naiad/quantize/recipe.js';
import type { Artifact } from '#naiad/repository/artifact-cache.js';
import type { ArtifactRequest } from '#naiad/worker/build/artifacts.js';
import { BuildLostError } from '#naiad/worker/build/build-child.js';
import type { BuildReply, BuildRequest } from '#naiad/worker/build/build-message.js';
import { CachedArtifacts, type CachedArtifactsOptions } from '#naiad/worker/build/cached-artifacts.js';
import { instanceOptions } from '../../support/instances.js';
import { RecordedLog } from '../../support/recorded-log.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'naiad-version-'));
  writeFileSync(join(directory, 'model.onnx'), new Uint8Array(2 << 20));
  writeFileSync(join(directory, 'tiny.onnx'), '');
});
afterEach(() => rmSync(directory, { recursive: true }));

const BUILT: BuildReply = {
  kind: 'built',
  artifact: { directory: '/cache/trees/t/files', reason: '', details: null },
  steps: [{ name: 'compile', ms: 5 }],
};
const REFUSED: BuildReply = {
  kind: 'built',
  artifact: { directory: null, reason: 'it is odd', details: null },
  steps: [],
};

function someArtifacts({
  found = null,
  build = async () => BUILT,
  samples = () => '',
}: {
  found?: Artifact | null;
  build?: (request: BuildRequest) => Promise<BuildReply>;
  /** Hash of the samples as they are now. */
  samples?: () => string;
} = {}) {
  const log = new RecordedLog();
  const asked = { found: 0, built: 0, discarded: 0 };
  const discarded: Recipe[] = [];
  const options: CachedArtifactsOptions = {
    directory: '/cache',
    store: {
      artifact: async (recipe) => {
        asked.found++;
        const { quantization } = recipe;
        const located =
          quantization === null
            ? recipe
            : { ...recipe, quantization: { ...quantization, samples: samples() } };
        return { recipe: located, folder: null, artifact: found };
      },
      discardArtifact: async (recipe) => {
        asked.discarded++;
        discarded.push(recipe);
      },
    },
    builder: {
      build: (request) => {
        asked.built++;
        return build(request);
      },
    },
    clock: systemClock,
    log,
  };
  return { artifacts: new CachedArtifacts(options), asked, discarded, log };
}

function aRequest(overrides: Partial<ArtifactRequest> = {}): ArtifactRequest {
  return {
    backend: 'onnxruntime',
    contentHash: 'content',
    files: ['model.onnx'],
    options: instanceOptions({ modelFile: join(directory, 'model.onnx') }),
    shapes: new Map(),
    quantization: null,
    ...overrides,
  };
}

/** Of int8-dynamic. */
function quantizing(settings: Record<string, string> = {}): ArtifactRequest {
  const texts = new Map(Object.entries({ mode: 'int8-dynamic', ...settings }));
  const { spec } = readQuantizationSettings(texts);
  if (spec === null) throw new Error('these are no settings');
  return aRequest({ quantization: { spec, folders: [], images: new Map(), classOutputs: new Set() } });
}

const plain = (name = 'model.onnx') => ({ modelFile: join(directory, name), compiled: false });
const COMPILED = { modelFile: '/cache/trees/t/files/model.onnx', compiled: true };

describe('artifacts', () => {
  it('are taken from the cache', async () => {
    const found: Artifact = { directory: '/cache/trees/t/files', reason: '', details: null };
    const { artifacts, asked } = someArtifacts({ found });
    expect(await artifacts.prepare(aRequest())).toMatchObject({ ...COMPILED, steps: [] });
    expect(asked).toEqual({ found: 1, built: 0, discarded: 0 });
  });

  it('are built once for all that want the same at the same time', async () => {
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const { artifacts, asked } = someArtifacts({ build: () => finished.then(() => BUILT) });
    const both = [artifacts.prepare(aRequest()), artifacts.prepare(aRequest())];
    await vi.waitFor(() => expect(asked.found).toBe(2));
    finish();
    const [a, b] = await Promise.all(both);
    expect([a, b]).toMatchObject([{ ...COMPILED, steps: [{ name: 'compile', ms: 5 }] }, COMPILED]);
    await artifacts.prepare(aRequest({ contentHash: 'other' }));
    expect(asked.built).toBe(2);
  });

  it.each<[string, () => Partial<ArtifactRequest>]>([
    ['another backend', () => ({ backend: 'identity' })],
    [
      'a GPU',
      () => ({
        options: instanceOptions({
          modelFile: join(directory, 'model.onnx'),
          device: { kind: 'gpu', id: 0 },
        }),
      }),
    ],
    [
      'a form that the configuration chooses',
      () => ({
        options: instanceOptions({
          modelFile: join(directory, 'model.onnx'),
          parameters: { 'session.disable_prepacking': '1' },
        }),
      }),
    ],
  ])('are not for %s', async (_what, overrides) => {
    const { artifacts, asked } = someArtifacts();
    expect(await artifacts.prepare(aRequest(overrides()))).toMatchObject(plain());
    expect(asked).toEqual({ found: 0, built: 0, discarded: 0 });
  });

  it('are not made of files that may change meanwhile', async () => {
    const { artifacts, asked } = someArtifacts();
    const options = instanceOptions({ modelFile: join(directory, 'model.onnx'), mutableFiles: true });
    expect(await artifacts.prepare(aRequest({ options }))).toMatchObject(plain());
    expect(asked).toEqual({ found: 1, built: 0, discarded: 0 });
  });

  it('are not made of small models, all of whose files count', async () => {
    const { artifacts, asked } = someArtifacts();
    const options = instanceOptions({ modelFile: join(directory, 'tiny.onnx') });
    expect(await artifacts.prepare(aRequest({ files: ['tiny.onnx'], options }))).toMatchObject(
      plain('tiny.onnx'),
    );
    expect(asked).toEqual({ found: 0, built: 0, discarded: 0 });
    expect(await artifacts.prepare(aRequest({ files: ['tiny.onnx', 'model.onnx'], options }))).toMatchObject(
      COMPILED,
    );
  });

  it('leave a model as it is that can not be built, and say so', async () => {
    const { artifacts, log } = someArtifacts({ build: async () => REFUSED });
    expect(await artifacts.prepare(aRequest())).toMatchObject(plain());
    expect(log.messages('info')).toEqual([
      "'model' version 1 is not compiled for this machine, each instance loads its own copy: it is odd",
    ]);
  });

  it('are not tried again when the process did not survive them', async () => {
    const { artifacts, asked, log } = someArtifacts({
      build: () => Promise.reject(new BuildLostError('it ended')),
    });
    expect(await artifacts.prepare(aRequest())).toMatchObject(plain());
    expect(await artifacts.prepare(aRequest())).toMatchObject(plain());
    expect(asked.built).toBe(1);
    expect(log.lines).toHaveLength(1);
  });

  it('tell once that the cache can not be used, and again when it could be meanwhile', async () => {
    const replies: BuildReply[] = [
      { kind: 'no-cache', reason: 'it is full' },
      { kind: 'no-cache', reason: 'it is full' },
      BUILT,
      { kind: 'no-cache', reason: 'it is full' },
    ];
    const { artifacts, log } = someArtifacts({ build: async () => replies.shift() ?? BUILT });
    for (const expected of [plain(), plain(), COMPILED, plain()]) {
      expect(await artifacts.prepare(aRequest())).toMatchObject(expected);
    }
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'warn']);
  });

  it('say why the original is served in place of a quantized model, or refuse to', async () => {
    const refused: Artifact = { directory: null, reason: 'it is too far off', details: null };
    const { artifacts, log } = someArtifacts({ found: refused });
    expect(await artifacts.prepare(quantizing())).toMatchObject({
      ...plain(),
      shortfall: 'it is not quantized (int8-dynamic): it is too far off',
    });
    expect(log.messages('warn')).toEqual([
      "'model' version 1 is served as it is: it is not quantized (int8-dynamic): it is too far off",
    ]);
    await expect(artifacts.prepare(quantizing({ on_failure: 'fail' }))).rejects.toThrow('it is too far off');
    const identity = await artifacts.prepare({ ...quantizing(), backend: 'identity' });
    expect(identity.shortfall).toContain("backend 'identity' runs no ONNX models");
  });

  it('say that a model is quantized, and what is odd about it', async () => {
    for (const [level, findings, told] of [
      ['info', [], ''],
      ['warn', ["there is no node 'a'", 'it is odd'], ": there is no node 'a'; it is odd"],
    ] as const) {
      const asked = { requested: 'int8-dynamic', modelBytes: 9, samples: 'none', steps: [] } as const;
      const report = reportOf([], bestOf('int8-dynamic', []), asked);
      const details = { compiled: true, report: { ...report, findings } };
      const { artifacts, log } = someArtifacts({ found: { directory: '/cache/t', reason: '', details } });
      await artifacts.prepare(quantizing());
      expect(log.messages(level)).toEqual([`'model' version 1 is quantized (int8-dynamic)${told}`]);
    }
  });

  it('are discarded when they could not be loaded', async () => {
    const { artifacts, asked, log } = someArtifacts();
    artifacts.distrust(await artifacts.prepare(aRequest()), 'it is broken');
    expect(asked.discarded).toBe(1);
    expect(log.messages('info')[0]).toMatch(/: it is broken$/);
    expect(await artifacts.prepare(aRequest())).toMatchObject(plain());
  });

  it('are discarded and given up with the samples that they were made by, and no others', async () => {
    let samples = 'first';
    const { artifacts, asked, discarded, log } = someArtifacts({ samples: () => samples });
    artifacts.distrust(await artifacts.prepare(quantizing()), 'it is broken');
    expect(discarded.map(({ quantization }) => quantization?.samples)).toEqual(['first']);
    expect(log.messages('warn')).toEqual([
      "'model' version 1 is served as it is: it is not quantized (int8-dynamic): it is broken",
    ]);
    expect((await artifacts.prepare(quantizing())).shortfall).toContain('it is broken');
    samples = 'second';
    expect(await artifacts.prepare(quantizing())).toMatchObject({
      modelFile: COMPILED.modelFile,
      shortfall: '',
    });
    // The plain form was looked for when the quantized one had been given up.
    expect(asked.built).toBe(3);
  });

  it('are others where other outputs name classes, or inputs have other shapes', async () => {
    const recipes: string[] = [];
    const { artifacts } = someArtifacts({
      build: async ({ recipe }) => {
        recipes.push(JSON.stringify(recipe));
        return BUILT;
      },
    });
    const request = quantizing();
    const { quantization } = request;
    await artifacts.prepare(request);
    await artifacts.prepare({
      ...request,
      quantization: quantization && { ...quantization, classOutputs: new Set(['y']) },
    });
    await artifacts.prepare({ ...request, shapes: new Map([['x', [-1, 4]]]) });
    expect(new Set(recipes).size).toBe(3);
  });
});
