import { mkdtempSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { ServeProcess } from '../cli/run-cli.js';
import { type RpcFailure, TestClient } from '../support/client.js';
import { adder, adderConfig, adderRequest, contentOf } from '../support/reload-models.js';
import { TestRepository } from '../support/repository.js';

const OUTSTANDING = 16;

const cleanup: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** What became of the requests, by their ids. */
class Outcomes {
  readonly answered = new Set<string>();
  readonly failed = new Map<string, RpcFailure>();
  readonly wrong: number[] = [];
  #next = 0;

  /** Asks again and again until something fails. */
  async ask(client: TestClient): Promise<void> {
    for (;;) {
      const id = `r${++this.#next}`;
      const value = this.#next % 1000;
      try {
        const content = contentOf(await client.infer(adderRequest('m', value, { id })), value);
        if (Number.isNaN(content)) this.wrong.push(value);
        this.answered.add(id);
      } catch (error) {
        const { code, details } = error as RpcFailure;
        this.failed.set(id, { code, details });
        return;
      }
    }
  }
}

/** Moments of a reload at which the signal comes, by the log. */
const MOMENTS = [
  ['explicit', 'loading'],
  ['explicit', 'ready'],
  ['explicit', 'unloading'],
  ['poll', 'loading'],
  ['poll', 'draining'],
] as const;

it.each(MOMENTS)('answers what it has admitted when SIGTERM comes in %s mode at %s', async (mode, moment) => {
  const repository = new TestRepository({
    'm/1/model.onnx': adder(0),
    'm/config.pbtxt': adderConfig('dynamic_batching { max_queue_delay_microseconds: 30000 }', 2),
  });
  cleanup.push(() => repository.remove());
  const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
  cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
  const server = new ServeProcess(
    `--model-repository=${repository.directory}`,
    `--artifact-cache=${cache}`,
    `--model-control-mode=${mode}`,
    ...(mode === 'explicit' ? ['--load-model=*'] : ['--repository-poll-secs=1']),
    '--repository-settle-ms=0',
    '--access-log=true',
    '--log-verbose=1',
  );
  cleanup.push(() => {
    server.kill('SIGKILL');
    return server.ended;
  });
  const { grpcPort } = await server.line(/^serving/);
  const clients = [0, 1].map(() => new TestClient(Number(grpcPort)));
  cleanup.push(() => {
    for (const client of clients) client.close();
  });
  const [client, control] = clients as [TestClient, TestClient];

  const outcomes = new Outcomes();
  const loops = Array.from({ length: OUTSTANDING }, () => outcomes.ask(client));
  let reloads = 0;
  let ended = false;
  const lines = (): number => server.log.length;
  /** When a line from there on says that something is served, or nothing is to be any more. */
  const served = async (from: number): Promise<void> => {
    while (!ended && !server.log.slice(from).some(({ event }) => event === 'ready')) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const reloading = (async (): Promise<void> => {
    for (let content = 1; !ended; content++) {
      const part = repository.path('m/.part');
      writeFileSync(part, adder(content));
      renameSync(part, repository.path('m/1/model.onnx'));
      // What a load comes to that the stop overtakes is no matter.
      if (mode === 'explicit') await control.call('RepositoryModelLoad', { model_name: 'm' }).catch(() => {});
      else await served(lines());
      reloads++;
    }
  })();
  const answered = (): number => outcomes.answered.size;
  while (reloads < 2 || answered() < 100) await new Promise((resolve) => setTimeout(resolve, 10));
  // In the middle: the next line of that kind.
  const from = lines();
  while (!server.log.slice(from).some(({ event }) => event === moment)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const before = answered();
  server.kill('SIGTERM');
  const result = await server.ended;
  ended = true;
  await Promise.all([...loops, reloading]);

  expect(result).toEqual({ code: 0, signal: null, last: 'stopped' });
  expect(server.err).toBe('');
  expect(server.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  expect(outcomes.wrong).toEqual([]);
  // As the server saw them: what it answered has come, what it refused has come as a refusal.
  const seen = server.log.filter(({ msg }) => msg === 'infer');
  const lost = seen.filter(({ id, status: end }) => end === 'OK' && !outcomes.answered.has(String(id)));
  expect(lost).toEqual([]);
  const refusals = seen.filter(({ status: end }) => end !== 'OK');
  for (const { id } of refusals) {
    expect(outcomes.failed.get(String(id))).toEqual({
      code: status.UNAVAILABLE,
      details: 'GRPC server is shutting down and has stopped accepting new requests.',
    });
  }
  // Others never got there.
  expect([...outcomes.failed.values()].filter(({ code }) => code !== status.UNAVAILABLE)).toEqual([]);
  expect(answered()).toBeGreaterThanOrEqual(before + OUTSTANDING / 2);
  expect(readdirSync(join(cache, 'tmp'))).toEqual([]);
});

it('does not wait for a large model to be copied', async () => {
  const repository = new TestRepository({ 'm/1/model.onnx': adder(0), 'm/config.pbtxt': adderConfig() });
  cleanup.push(() => repository.remove());
  const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
  cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
  const server = new ServeProcess(
    `--model-repository=${repository.directory}`,
    `--artifact-cache=${cache}`,
    '--model-control-mode=poll',
    '--repository-settle-ms=0',
  );
  cleanup.push(() => {
    server.kill('SIGKILL');
    return server.ended;
  });
  await server.line(/^serving/);
  // Takes minutes to read, and no room in the repository.
  repository.write({ 'm/.part/model.onnx': adder(1), 'm/.part/more.bin': '' });
  truncateSync(repository.path('m/.part/more.bin'), 20 * 2 ** 30);
  renameSync(repository.path('m/.part'), repository.path('m/2'));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  server.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null, last: 'stopped' });
  expect(server.err).toBe('');
  expect(server.log.filter(({ level }) => level === 'error')).toEqual([]);
  expect(readdirSync(join(cache, 'tmp'))).toEqual([]);
});
