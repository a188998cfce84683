import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { matmulModel } from '../support/onnx.js';
import { TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer, testLifecycle } from '../support/server.js';

const SIZE = 64;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function aConfig(parameters: Readonly<Record<string, string>>): string {
  const entries = Object.entries(parameters).map(
    ([key, value]) => `parameters { key: "quantization.${key}" value { string_value: "${value}" } }`,
  );
  return `backend: "onnxruntime"\nmax_batch_size: 2\ninstance_group { count: 1 kind: KIND_CPU }\n${entries.join('\n')}`;
}

function aCache(): string {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-cache-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(
  parameters: Readonly<Record<string, Readonly<Record<string, string>>>>,
  artifactCache: string | null = aCache(),
): Promise<TestServer> {
  const file = matmulModel(SIZE, SIZE, (row, column) => Math.cos(row * 7 + column * 3));
  const files = Object.entries(parameters).flatMap(([model, own]) => [
    [`${model}/config.pbtxt`, aConfig(own)] as const,
    [`${model}/1/model.onnx`, file] as const,
  ]);
  const repository = new TestRepository(Object.fromEntries(files));
  cleanups.push(() => repository.remove());
  const server = await startTestServer({
    modelRepositories: [repository.directory],
    lifecycle: testLifecycle({ artifactCache }),
    metrics: { enabled: true, address: '127.0.0.1', port: 0 },
  });
  cleanups.push(() => server.stop());
  return server;
}

async function answerOf({ client }: TestServer, model: string): Promise<Float32Array> {
  const values = Float32Array.from({ length: SIZE }, (_, index) => Math.sin(index));
  const { raw_output_contents } = (await client.infer({
    model_name: model,
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, SIZE] }],
    raw_input_contents: [Buffer.from(values.buffer)],
  })) as { raw_output_contents: Buffer[] };
  return new Float32Array(Uint8Array.from(raw_output_contents[0] ?? []).buffer);
}

async function reportOf({ client }: TestServer, name: string): Promise<Record<string, string>> {
  const { config } = (await client.call('ModelConfig', { name })) as {
    config: { parameters: Record<string, { string_value: string }> };
  };
  return Object.fromEntries(
    Object.entries(config.parameters)
      .filter(([key]) => key.startsWith('quantization.report.'))
      .map(([key, { string_value }]) => [key.slice('quantization.report.'.length), string_value]),
  );
}

async function reasonOf({ client }: TestServer, name: string): Promise<string> {
  const { models } = (await client.call('RepositoryIndex')) as { models: { name: string; reason: string }[] };
  return models.find((model) => model.name === name)?.reason ?? '';
}

const status = ({ server }: TestServer, name: string): string =>
  server.modelTable().find(({ model }) => model === name)?.status ?? '';

describe('a model whose configuration asks for quantization', () => {
  it('is served quantized where that is good enough, and as it is where it is not', async () => {
    const server = await serve({
      plain: {},
      quantized: { mode: 'int8-dynamic' },
      beyond: { mode: 'int8-dynamic', min_cosine: '1' },
      strict: { mode: 'int8-dynamic', min_cosine: '1', on_failure: 'fail' },
    });
    const plain = await answerOf(server, 'plain');
    const quantized = await answerOf(server, 'quantized');
    expect(quantized).not.toEqual(plain);
    for (const [index, value] of plain.entries()) expect(quantized[index]).toBeCloseTo(value, 0);
    expect(await answerOf(server, 'beyond')).toEqual(plain);

    expect(await reportOf(server, 'plain')).toEqual({});
    expect(await reportOf(server, 'quantized')).toMatchObject({
      outcome: 'quantized',
      mode: 'int8-dynamic',
      'cosine.Y': expect.stringMatching(/^0\.9/),
    });
    expect(await reasonOf(server, 'quantized')).toBe('');
    const metrics = await (await fetch(`http://127.0.0.1:${server.server.metricsPort}/metrics`)).text();
    expect(
      metrics
        .split('\n')
        .filter((line) => line.startsWith('naiad_model_quantized{'))
        .sort(),
    ).toEqual([
      'naiad_model_quantized{model="beyond",version="1"} 0',
      'naiad_model_quantized{model="quantized",version="1"} 1',
    ]);
    expect(await reportOf(server, 'beyond')).toMatchObject({ outcome: 'original', mode: 'int8-dynamic' });
    const reason = /^it is not quantized \(int8-dynamic\): output 'Y' has a cosine of .*, less than 1$/;
    expect(await reasonOf(server, 'beyond')).toMatch(reason);
    expect(server.log.messages('warn').join()).toContain("'beyond' version 1 is served as it is");
    expect(status(server, 'strict')).toMatch(
      /^UNAVAILABLE: Internal: it is not quantized \(int8-dynamic\): output 'Y'/,
    );
  });

  it('is quantized once for all servers', async () => {
    const cache = aCache();
    const parameters = { quantized: { mode: 'int8-dynamic' } };
    const steps = ({ log }: TestServer) =>
      log.lines.flatMap(({ fields }) => ('steps' in fields ? Object.keys(fields.steps as object) : []));
    const first = await serve(parameters, cache);
    expect(steps(first)).toContain('quantize');
    const second = await serve(parameters, cache);
    expect(steps(second)).not.toContain('quantize');
    expect(await answerOf(second, 'quantized')).toEqual(await answerOf(first, 'quantized'));
    expect(await reportOf(second, 'quantized')).toEqual(await reportOf(first, 'quantized'));
  });

  it('is quantized by its first requests, none of which is lost', async () => {
    const server = await serve({ plain: {}, live: { mode: 'int8-dynamic', calibration: 'live:5' } });
    const plain = await answerOf(server, 'plain');
    expect(await answerOf(server, 'live')).toEqual(plain);
    expect(await reasonOf(server, 'live')).toBe(
      'it is not quantized yet (int8-dynamic): its first 5 requests are recorded for that',
    );
    let answer = plain;
    for (let request = 0; request < 10_000 && answer[0] === plain[0]; request++) {
      answer = await answerOf(server, 'live');
    }
    for (const [index, value] of plain.entries()) expect(answer[index]).toBeCloseTo(value, 0);
    expect(answer).not.toEqual(plain);
    expect(await reportOf(server, 'live')).toMatchObject({ outcome: 'quantized', samples: '5' });
    expect(await reasonOf(server, 'live')).toBe('');
  });

  it('says why it could not be quantized by its first requests', async () => {
    const server = await serve({ live: { mode: 'int8-dynamic', calibration: 'live:2', min_cosine: '1' } });
    const plain = await answerOf(server, 'live');
    await answerOf(server, 'live');
    await vi.waitFor(async () => expect(await reasonOf(server, 'live')).toContain('less than 1'), 20_000);
    expect(await answerOf(server, 'live')).toEqual(plain);
    expect(await reportOf(server, 'live')).toMatchObject({ outcome: 'original' });
  });

  it('is served as it is without a cache, and says so', async () => {
    const server = await serve({ quantized: { mode: 'int8-dynamic' } }, null);
    expect(status(server, 'quantized')).toMatch(/^READY: it is not quantized .* there is no artifact cache/);
    expect(await reportOf(server, 'quantized')).toMatchObject({ outcome: 'original' });
    await answerOf(server, 'quantized');
  });
});
