import { truncateSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { adder, adderConfig } from '../support/reload-models.js';
import { ReloadServer } from '../support/reload-server.js';

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const POLICY = 'parameters { key: "reload.policy" value { string_value: "memory-preserving" } }';

async function serve(): Promise<ReloadServer> {
  const server = await ReloadServer.start('explicit', {
    'm/config.pbtxt': adderConfig(POLICY),
    'm/1/model.onnx': adder(1),
  });
  cleanup.push(() => server.stop());
  return server;
}

/** Answers to requests that come at the moment when nothing of the model is loaded. */
function answersInTheGap(server: ReloadServer): Promise<{ version: string; content: number }[]> {
  return new Promise((resolve, reject) => {
    server.log.onHappening(({ event }) => {
      if (event !== 'unloaded') return;
      expect(server.lanes('m')).toEqual([]);
      Promise.all([1, 2, 3].map(() => server.answer('m'))).then(resolve, reject);
    });
  });
}

/** What happened to version 1 since, leaving out what came before. */
async function events(server: ReloadServer, from: number): Promise<string[]> {
  return (await server.history('m')).slice(from).map(({ event }) => event);
}

it('unloads the old one first, and requests wait for the new one', async () => {
  const server = await serve();
  const before = (await server.history('m')).length;
  const answers = answersInTheGap(server);
  server.repository.write({ 'm/1/model.onnx': adder(2) });
  await server.load('m');
  expect(await answers).toEqual(Array(3).fill({ version: '1', content: 2 }));
  expect(await events(server, before)).toEqual(['draining', 'unloading', 'unloaded', 'loading', 'ready']);
  expect(server.test.server.status().leases).toBe(0);
});

it('brings the old one back when the new one is broken', async () => {
  const server = await serve();
  const before = (await server.history('m')).length;
  const answers = answersInTheGap(server);
  truncateSync(server.repository.path('m/1/model.onnx'), 5000);
  await expect(server.load('m')).rejects.toMatchObject({ details: /Protobuf parsing failed/ });
  expect(await answers).toEqual(Array(3).fill({ version: '1', content: 1 }));
  expect(await events(server, before)).toEqual([
    'draining',
    'unloading',
    'unloaded',
    'loading',
    'failed',
    'loading',
    'ready',
  ]);
  expect(await server.index('m')).toMatchObject([
    { version: '1', state: 'READY', reason: expect.stringMatching(/Protobuf parsing failed/) },
  ]);
});

it('does not go through that for what needs no session', async () => {
  const server = await serve();
  const before = (await server.history('m')).length;
  const lanes = server.lanes('m');
  server.repository.write({ 'm/config.pbtxt': `${adderConfig(POLICY)} dynamic_batching { }` });
  await server.load('m');
  expect(server.lanes('m')).toEqual(lanes);
  expect((await events(server, before)).slice(0, 3)).toEqual(['loading', 'draining', 'ready']);
});
