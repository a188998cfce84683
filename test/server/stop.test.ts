import { once } from 'node:events';
import { connect } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeRequest } from '../support/infer-protos.js';
import { fp32sOf, identityRequest } from '../support/messages.js';
import { MODEL_INFER } from '../support/raw-client.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer } from '../support/server.js';

const cleanup: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const ONE_INSTANCE = 'instance_group { kind: KIND_CPU count: 1 }';

async function serve(parameters: Record<string, string>, settings = {}): Promise<TestServer> {
  const made = new TestRepository({
    ...identityModel('slow', identityConfig(parameters, ONE_INSTANCE)),
    ...identityModel('other', identityConfig({}, ONE_INSTANCE)),
  });
  cleanup.push(() => made.remove());
  const server = await startTestServer({ modelRepositories: [made.directory], ...settings });
  cleanup.push(() => server.stop());
  return server;
}

/** Until the model has this many requests in hand. */
async function accepted(server: TestServer, count: number): Promise<void> {
  // A request is in hand when the server has read it; its answer to a later call on the same
  // connection shows that.
  for (let i = 0; i < count; i++) await server.client.call('ServerLive');
}

describe('stop', () => {
  it('answers what was accepted and refuses what comes later', async () => {
    const server = await serve({ execute_delay_ms: '200' });
    const answers = [1, 2, 3].map((value) => server.client.infer(identityRequest('slow', [value])));
    await accepted(server, 3);
    const stopped = server.server.stop();
    expect(await server.client.call('ServerReady')).toEqual({ ready: false });
    expect(await server.client.failure('ModelInfer', identityRequest('other', [1]))).toEqual({
      code: status.UNAVAILABLE,
      details: 'GRPC server is shutting down and has stopped accepting new requests.',
    });
    expect((await Promise.all(answers)).map((answer) => fp32sOf(answer, 0))).toEqual([[1], [2], [3]]);
    expect(await stopped).toBe('drained');
  });

  it('waits for a client that is slow to take its answer', async () => {
    const server = await serve({});
    const values = Array.from({ length: 1 << 20 }, (_, i) => i);
    const session = connect(`http://127.0.0.1:${server.server.grpcPort}`);
    cleanup.push(() => session.destroy());
    const call = session.request({
      ':method': 'POST',
      ':path': MODEL_INFER,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const message = encodeRequest({
      model_name: 'other',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, values.length] }],
      raw_input_contents: [Buffer.from(Float32Array.from(values).buffer)],
    });
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    call.end(Buffer.concat([frame, message]));
    // The answer's head has come, and nobody reads its body.
    await once(call, 'response');
    const stopped = server.server.stop();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    let bytes = 0;
    call.on('data', (piece: Buffer) => {
      bytes += piece.length;
    });
    await once(call, 'end');
    expect(bytes).toBeGreaterThan(4 * values.length);
    expect(await stopped).toBe('drained');
  });

  it('gives up at the exit timeout', async () => {
    const server = await serve({ execute_delay_ms: '1500' }, { exitTimeoutSecs: 0.1 });
    const answer = server.client.infer(identityRequest('slow', [1]));
    await accepted(server, 1);
    expect(await server.server.stop()).toBe('timeout');
    await expect(answer).resolves.toBeDefined();
  });

  it('is the same stop when it is asked for twice', async () => {
    const server = await serve({});
    expect(server.server.stop()).toBe(server.server.stop());
  });
});

describe('a lane whose thread dies', () => {
  it('fails what was in it, is replaced, and disturbs no other', async () => {
    const server = await serve({ fault: 'exit' });
    expect(await server.client.failure('ModelInfer', identityRequest('slow', [1]))).toEqual({
      code: status.UNAVAILABLE,
      details: "the worker that ran model 'slow' has stopped, the request was not completed",
    });
    expect(fp32sOf(await server.client.infer(identityRequest('other', [5])), 0)).toEqual([5]);
    // The replacement answers as the first one did: by dying again.
    expect((await server.client.failure('ModelInfer', identityRequest('slow', [1]))).code).toBe(
      status.UNAVAILABLE,
    );
    expect(await server.client.call('ServerLive')).toEqual({ live: true });
  });
});

describe('a client that goes away', () => {
  it('frees its place in the queue', async () => {
    const server = await serve({ execute_delay_ms: '150' });
    const running = server.client.infer(identityRequest('slow', [1]));
    await accepted(server, 1);
    const waiting = Array.from({ length: 10 }, () =>
      server.client.start('ModelInfer', identityRequest('slow', [2])),
    );
    await accepted(server, 10);
    const results = waiting.map(({ answer }) => answer.catch((error: { code: number }) => error.code));
    for (const call of waiting) call.cancel();
    expect(await Promise.all(results)).toEqual(waiting.map(() => status.CANCELLED));
    const last = server.client.infer(identityRequest('slow', [3]));
    expect(fp32sOf(await running, 0)).toEqual([1]);
    expect(fp32sOf(await last, 0)).toEqual([3]);
    const { model_stats: stats } = (await server.client.call('ModelStatistics', { name: 'slow' })) as {
      model_stats: { execution_count: string }[];
    };
    // The running one, at most one that the lane had been handed ahead, and the last.
    expect(Number(stats[0]?.execution_count)).toBeLessThanOrEqual(3);
  });

  it('is told when its deadline passes in the queue', async () => {
    const server = await serve({ execute_delay_ms: '300' });
    const running = server.client.infer(identityRequest('slow', [1]));
    await accepted(server, 1);
    const late = server.client.infer(identityRequest('slow', [2]), { deadline: Date.now() + 100 });
    await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await running;
  });
});
