import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fp32sOf, identityRequest, int32sOf, simpleRequest } from '../support/messages.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { BUNDLED_MODELS, startTestServer, type TestServer } from '../support/server.js';
import { StreamClient } from '../support/stream-client.js';

const DECOUPLED = 'model_transaction_policy { decoupled: true }';

let repository: TestRepository;
let server: TestServer;
let streams: StreamClient;

beforeAll(async () => {
  repository = new TestRepository({
    'simple/config.pbtxt': readFileSync(join(BUNDLED_MODELS, 'simple/config.pbtxt')),
    'simple/1/model.onnx': readFileSync(join(BUNDLED_MODELS, 'simple/1/model.onnx')),
    ...identityModel('identity', identityConfig()),
    ...identityModel('slow', identityConfig({ execute_delay_ms: '100' })),
    ...identityModel('failing', identityConfig({ fault: 'error' })),
    ...identityModel('decoupled', identityConfig({}, DECOUPLED)),
    ...identityModel('decoupled_failing', identityConfig({ fault: 'error' }, DECOUPLED)),
  });
  server = await startTestServer({ modelRepositories: [repository.directory] });
  streams = new StreamClient(server.server.grpcPort ?? 0);
});

afterAll(async () => {
  streams.close();
  await server.stop();
  repository.remove();
});

const one = (model: string, id: string, value = 1) => identityRequest(model, [value], { id });

describe('a stream', () => {
  it('answers requests to models of all kinds in their order', async () => {
    const requests = Array.from({ length: 40 }, (_, i) =>
      i % 10 === 0 ? one('slow', String(i), i) : simpleRequest(i, 1 + (i % 8), { id: String(i) }),
    );
    const { code, answers } = await streams.exchange(requests);
    expect(code).toBe('OK');
    expect(answers.map(({ id, error, final }) => [id, error, final])).toEqual(
      requests.map((_, i) => [String(i), '', true]),
    );
    answers.forEach(({ response }, i) => {
      if (i % 10 === 0) expect(fp32sOf(response, 0)).toEqual([i]);
      else expect(int32sOf(response, 0)[0]).toBe(i + 1);
    });
  });

  it('tells errors in its answers and goes on', async () => {
    const { code, answers } = await streams.exchange([
      simpleRequest(0, 9, { id: 'too many' }),
      one('nope', 'unknown'),
      one('failing', 'failing'),
      one('identity', 'well', 3),
    ]);
    expect(code).toBe('OK');
    expect(answers).toMatchObject([
      {
        id: 'too many',
        error: "[request id: too many] inference request batch-size must be <= 8 for 'simple'",
        final: null,
        response: { model_name: '' },
      },
      { id: 'unknown', error: "Request for unknown model: 'nope' is not found", final: null },
      {
        id: 'failing',
        error: "model 'failing' fails as its parameter 'fault' asks",
        final: true,
        response: { model_name: 'failing', model_version: '', outputs: [] },
      },
      { id: 'well', error: '', final: true },
    ]);
  });

  it('ends with the status of a model that failed where the client asks for it', async () => {
    const metadata = { triton_grpc_error: 'true' };
    expect(await streams.exchange([one('failing', 'a'), one('slow', 'b')], metadata)).toEqual({
      code: 'INTERNAL',
      details: "model 'failing' fails as its parameter 'fault' asks",
      answers: [],
    });
    expect(await streams.exchange([one('nope', 'a'), one('identity', 'b')], metadata)).toMatchObject({
      code: 'OK',
      answers: [{ id: 'a' }, { id: 'b', error: '' }],
    });
  });

  it('that is cancelled takes its requests out of the queue', async () => {
    const stream = streams.open();
    for (let i = 0; i < 50; i++) stream.send(one('slow', String(i)));
    expect((await stream.next()).id).toBe('0');
    stream.cancel();
    expect((await stream.ended).code).toBe('CANCELLED');
    // Fifty of them would take five seconds, and those that ran before it are few.
    expect(await streams.exchange([one('slow', 'next')])).toMatchObject({
      code: 'OK',
      answers: [{ id: 'next' }],
    });
    const { model_stats } = (await server.client.call('ModelStatistics', { name: 'slow' })) as {
      model_stats: { execution_count: string }[];
    };
    expect(Number(model_stats[0]?.execution_count)).toBeLessThan(50);
    expect(server.server.status().leases).toBe(0);
  });

  it('keeps to its deadline', async () => {
    const stream = streams.open({}, { deadline: Date.now() + 1000 });
    for (let i = 0; i < 50; i++) stream.send(one('slow', String(i)));
    expect((await stream.ended).code).toBe('DEADLINE_EXCEEDED');
    expect(stream.answers.every(({ error }) => error === '')).toBe(true);
  });
});

describe('a decoupled model that computes one answer', () => {
  it('answers on streams, finally, whether an end of its own is asked for or not', async () => {
    const { code, answers } = await streams.exchange([
      one('decoupled', 'a', 5),
      identityRequest('decoupled', [6], {
        id: 'b',
        parameters: { triton_enable_empty_final_response: { bool_param: true } },
      }),
    ]);
    expect(code).toBe('OK');
    const told = answers.map(({ id, final, response }) => [id, final, fp32sOf(response, 0)]);
    expect(told.toSorted()).toEqual([
      ['a', true, [5]],
      ['b', true, [6]],
    ]);
  });

  it('does not wait for requests before it', async () => {
    const { answers } = await streams.exchange([
      one('slow', 'a'),
      one('decoupled', 'b'),
      one('identity', 'c'),
    ]);
    expect(answers.map(({ id }) => id)).toEqual(['b', 'a', 'c']);
  });

  it('tells its errors', async () => {
    const { answers } = await streams.exchange([one('decoupled_failing', 'a')]);
    expect(answers).toMatchObject([
      { id: 'a', error: "model 'decoupled_failing' fails as its parameter 'fault' asks", final: true },
    ]);
  });

  it('is refused by ModelInfer', async () => {
    expect(await server.client.failure('ModelInfer', one('decoupled', 'a'))).toEqual({
      code: status.UNIMPLEMENTED,
      details: "ModelInfer RPC doesn't support models with decoupled transaction policy",
    });
  });
});

describe('a server that stops', () => {
  it('answers what its streams have sent, and ends them', async () => {
    const stopping = await startTestServer({ modelRepositories: [repository.directory] });
    const client = new StreamClient(stopping.server.grpcPort ?? 0);
    try {
      const [idle, busy] = [client.open(), client.open()];
      idle.send(one('identity', 'before'));
      await idle.next();
      for (const id of 'abc') busy.send(one('slow', id));
      // Its answer need not wait for theirs, and tells that they have been read.
      busy.send(one('decoupled', 'd'));
      while ((await busy.next()).id !== 'd');
      const stopped = stopping.server.stop();
      const end = {
        code: 'UNAVAILABLE',
        details: 'GRPC server is shutting down and has stopped accepting new requests.',
      };
      expect(await busy.ended).toEqual(end);
      const answers = busy.answers.map(({ id, error }) => id + error);
      expect(answers.filter((id) => id !== 'd')).toEqual(['a', 'b', 'c']);
      expect(await idle.ended).toEqual(end);
      expect(await stopped).toBe('drained');
    } finally {
      client.close();
      await stopping.stop();
    }
  });
});
