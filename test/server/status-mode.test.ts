import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { StatusMode } from '#naiad/settings/settings.js';
import { identityRequest } from '../support/messages.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer | null = null;
let repository: TestRepository | null = null;

afterEach(async () => {
  await server?.stop();
  repository?.remove();
});

/** A model that runs for a while, with a queue for one request that may wait for a moment. */
async function serve(statusMode: StatusMode): Promise<TestServer> {
  repository = new TestRepository(
    identityModel(
      'slow',
      identityConfig(
        { execute_delay_ms: '300' },
        `instance_group { count: 1 kind: KIND_CPU }
         dynamic_batching {
           default_queue_policy { max_queue_size: 1 default_timeout_microseconds: 1000 timeout_action: REJECT }
         }`,
      ),
    ),
  );
  server = await startTestServer({ modelRepositories: [repository.directory], statusMode });
  return server;
}

/** What becomes of many requests at once: one runs, one waits too long, the others find the queue full. */
async function crowd({ client }: TestServer): Promise<{ codes: Set<unknown>; texts: Set<unknown> }> {
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => client.infer(identityRequest('slow', [1]))),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  return {
    codes: new Set(failures.map(({ code }) => code)),
    texts: new Set(failures.map(({ details }) => details)),
  };
}

const TEXTS = new Set(['Request timeout expired', '[request id: <id_unknown>] Exceeds maximum queue size']);

describe('a queue that is full, and a wait that is too long,', () => {
  it('are UNAVAILABLE as in Triton', async () => {
    const { codes, texts } = await crowd(await serve('triton'));
    expect(texts).toEqual(TEXTS);
    expect(codes).toEqual(new Set([status.UNAVAILABLE]));
  });

  it("are what gRPC means for them in mode grpc, with Triton's texts", async () => {
    const { codes, texts } = await crowd(await serve('grpc'));
    expect(texts).toEqual(TEXTS);
    expect(codes).toEqual(new Set([status.RESOURCE_EXHAUSTED, status.DEADLINE_EXCEEDED]));
  });
});
