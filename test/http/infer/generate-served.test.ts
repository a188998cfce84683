import { once } from 'node:events';
import { request as send } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { identityModel, TestRepository } from '../../support/repository.js';
import { startTestServer, type TestServer } from '../../support/server.js';
import { ask, type Reply } from '../harness.js';

/** A decoupled model, which answers once for each element of IN. */
const CONFIG = `
backend: "repeat"
model_transaction_policy { decoupled: true }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]
instance_group { kind: KIND_CPU count: 1 }
`;

let repository: TestRepository;
let server: TestServer;
let port: number;
beforeAll(async () => {
  repository = new TestRepository(identityModel('repeat', CONFIG));
  server = await startTestServer({ modelRepositories: [repository.directory] });
  port = server.server.httpPort ?? 0;
});
afterAll(async () => {
  await server.stop();
  repository.remove();
});

/** What asks for these values, each so many milliseconds after the one before. */
const aBody = (values: readonly number[], delays: readonly number[] = values.map(() => 0)): string =>
  JSON.stringify({ IN: values, DELAY: delays, WAIT: 0, id: 'g' });

const generate = (kind: string, values: readonly number[]): Promise<Reply> =>
  ask(port, 'POST', `/v2/models/repeat/${kind}`, aBody(values));

const answer = (index: number, value: number): string =>
  `{"IDX":${index},"OUT":${value},"id":"g","model_name":"repeat","model_version":"1"}`;

describe('a decoupled model over HTTP', () => {
  it('is not asked by infer', async () => {
    const reply = await ask(port, 'POST', '/v2/models/repeat/infer', '{bad');
    expect([reply.status, reply.headers['content-type'], reply.json]).toEqual([
      501,
      'text/plain',
      { error: "HTTP end point doesn't support models with decoupled transaction policy" },
    ]);
  });

  it('generates one response', async () => {
    const reply = await generate('generate', [7]);
    expect([reply.status, reply.text]).toEqual([200, answer(0, 7)]);
  });

  it.each([[[]], [[1, 2]]])('does not generate %j', async (values) => {
    const reply = await generate('generate', values);
    expect([reply.status, reply.json]).toMatchObject([
      400,
      { error: expect.stringContaining('exactly 1 response') },
    ]);
  });

  it('streams each response as an event', async () => {
    const reply = await generate('generate_stream', [5, 6, 7]);
    const events = [answer(0, 5), answer(1, 6), answer(2, 7)].map((event) => `data: ${event}\n\n`);
    expect([reply.status, reply.text]).toEqual([200, events.join('')]);
  });

  it('streams nothing at all', async () => {
    const reply = await generate('generate_stream', []);
    expect([reply.status, reply.headers['content-type'], reply.text]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ]);
  });

  it('refuses what does not fit before anything is streamed', async () => {
    const reply = await ask(port, 'POST', '/v2/models/repeat/generate_stream', '{"IN":1}');
    expect([reply.status, reply.headers['content-type'], reply.json]).toMatchObject([
      400,
      'application/json',
      { error: expect.stringContaining('expected 3 inputs but got 1 inputs') },
    ]);
  });

  it('ends with its client', async () => {
    const sent = send({ host: '127.0.0.1', port, method: 'POST', path: '/v2/models/repeat/generate_stream' });
    sent.on('error', () => {});
    sent.end(aBody([1, 2, 3], [0, 3_600_000, 0]));
    const [reply] = await once(sent, 'response');
    const [first] = await once(reply, 'data');
    expect(String(first)).toBe(`data: ${answer(0, 1)}\n\n`);
    expect(server.server.status().leases).toBe(1);
    reply.on('error', () => {});
    sent.destroy();
    await vi.waitFor(() => expect(server.server.status().leases).toBe(0), 20_000);
  });
});
