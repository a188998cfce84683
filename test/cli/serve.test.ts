import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { TestClient } from '../support/client.js';
import { identityRequest } from '../support/messages.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { cli, program, ServeProcess, spawnProgram } from './run-cli.js';

const cleanup: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const ONE_INSTANCE = 'instance_group { kind: KIND_CPU count: 1 }';

function aRepository(parameters: Record<string, string> = {}): TestRepository {
  const repository = new TestRepository(identityModel('echo', identityConfig(parameters, ONE_INSTANCE)));
  cleanup.push(() => repository.remove());
  return repository;
}

function serve(repository: TestRepository, ...argv: string[]): ServeProcess {
  const server = new ServeProcess(`--model-repository=${repository.directory}`, ...argv);
  cleanup.push(() => {
    server.kill('SIGKILL');
    return server.ended;
  });
  return server;
}

function aClient(grpcPort: unknown): TestClient {
  const client = new TestClient(grpcPort as number);
  cleanup.push(() => client.close());
  return client;
}

describe('a serving process', () => {
  it('tells its models and ports, answers, and ends with 0 after SIGTERM', async () => {
    const server = serve(aRepository(), '--grpc-infer-thread-count=2');
    const { grpcPort, httpPort } = await server.line(/^serving gRPC on 127\.0\.0\.1:\d+, HTTP on/);
    expect(await server.line(/^models$/)).toMatchObject({
      models: [{ model: 'echo', version: '1', status: 'READY' }],
    });
    expect(await server.line(/^--grpc-infer-thread-count is ignored/)).toMatchObject({ level: 'warn' });
    expect(await cli('health', '--url', `localhost:${grpcPort}`)).toMatchObject({ code: 0 });
    expect(await cli('health', '--url', `http://localhost:${httpPort}`)).toMatchObject({ code: 0 });
    server.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null, last: 'stopped' });
    expect(server.err).toBe('');
  });

  it('answers what it has accepted before it ends', async () => {
    const server = serve(aRepository({ execute_delay_ms: '400' }));
    const { grpcPort } = await server.line(/^serving/);
    const client = aClient(grpcPort);
    const answer = client.infer(identityRequest('echo', [7]));
    await client.call('ServerLive');
    server.kill('SIGINT');
    await expect(answer).resolves.toMatchObject({ model_name: 'echo' });
    expect(await server.ended).toEqual({ code: 0, signal: null, last: 'stopped' });
  });

  it('ends by the signal when requests still run after the exit timeout', async () => {
    const server = serve(aRepository({ execute_delay_ms: '20000' }), '--exit-timeout-secs=0');
    const { grpcPort } = await server.line(/^serving/);
    const client = aClient(grpcPort);
    client.infer(identityRequest('echo', [7])).catch(() => {});
    await client.call('ServerLive');
    server.kill('SIGTERM');
    expect(await server.ended).toEqual({
      code: null,
      signal: 'SIGTERM',
      last: 'requests still ran after 0 s (--exit-timeout-secs), ending without their answers',
    });
  });

  it('leaves no half copies when a signal comes during the start', async () => {
    const repository = aRepository();
    repository.write({ 'large/1/model.onnx': '' });
    truncateSync(repository.path('large/1/model.onnx'), 256 << 20);
    const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
    cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
    const server = serve(repository, `--artifact-cache=${cache}`);
    const copies = () =>
      readdirSync(cache, { recursive: true }).filter((path) => /^tmp.*model\.onnx$/.test(String(path)));
    await expect.poll(copies, { timeout: 20_000, interval: 5 }).not.toEqual([]);
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: null, signal: 'SIGTERM' });
    expect(copies()).toEqual([]);
  });

  it('serves the others when a model is bad, unless told not to', async () => {
    const repository = aRepository();
    repository.write({ 'broken/config.pbtxt': 'nonsense: 1', 'broken/1/model.onnx': 'x' });
    const server = serve(repository, '--exit-on-error=true');
    expect(await server.ended).toEqual({ code: 1, signal: null, last: 'stopped' });
    expect(server.log.find(({ msg }) => msg.includes('--exit-on-error'))).toMatchObject({ level: 'error' });
    const { models } = await server.line(/^models$/);
    expect(models).toContainEqual({ model: 'echo', version: '1', status: 'READY' });
    expect(models).toContainEqual(
      expect.objectContaining({ model: 'broken', status: expect.stringMatching(/^UNAVAILABLE: .+/) }),
    );
  });

  it('prints a table for people', async () => {
    const { directory } = aRepository();
    const child = spawnProgram(
      'serve',
      `--model-repository=${directory}`,
      '--log-format=pretty',
      '--grpc-address=127.0.0.1',
      '--grpc-port=0',
      '--allow-http=false',
      '--allow-metrics=false',
    );
    cleanup.push(() => child.kill('SIGKILL'));
    let out = '';
    for await (const chunk of child.stdout ?? []) {
      out += String(chunk);
      if (out.includes('serving')) child.kill('SIGTERM');
    }
    expect(out).toContain(
      [
        '+-------+---------+--------+',
        '| Model | Version | Status |',
        '+-------+---------+--------+',
        '| echo  | 1       | READY  |',
        '+-------+---------+--------+',
      ].join('\n'),
    );
    expect(out).toMatch(/INFO: serving gRPC on 127\.0\.0\.1:\d+ \{/);
  });
});

describe('a start that fails', () => {
  it('says in one line that the repository is not there', async () => {
    expect(await program('serve', '--model-repository=/no/such/folder')).toMatchObject({
      code: 1,
      signal: null,
      out: '',
      err: expect.stringMatching(/^naiad serve: can't read model repository '\/no\/such\/folder': .*\n$/),
    });
  });

  it('says in one line that the log can not be written', async () => {
    expect(await program('serve', '--log-file=/no/such/folder/log')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^naiad serve: --log-file=\/no\/such\/folder\/log can't be written: .*\n$/),
    });
  });

  it.each(['grpc', 'http', 'metrics'])('says in one line that the %s port is in use', async (door) => {
    const other = createServer().listen(0, '127.0.0.1');
    cleanup.push(() => other.close());
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const server = serve(aRepository(), `--${door}-port=${port}`);
    expect(await server.ended).toMatchObject({ code: 1, signal: null });
    expect(server.err).toMatch(
      new RegExp(`^naiad serve: .*127\\.0\\.0\\.1:${port}: the port is in use.*--${door}-port\n$`),
    );
  });

  it('tells all mistakes of the command line, with exit code 2', async () => {
    const result = await cli('serve', '--grpc-prt=1', '--http-port=x');
    expect(result.code).toBe(2);
    expect(result.out).toBe('');
    expect(result.err.split('\n').slice(0, 2)).toEqual([
      "naiad serve: unknown flag '--grpc-prt', did you mean '--grpc-port'?",
      'naiad serve: --http-port=x: expected a whole number from 0 to 65535',
    ]);
  });
});
