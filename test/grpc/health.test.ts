import { once } from 'node:events';
import { type ClientReadableStream, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '#naiad/settings/limits.js';
import { type Harness, openHarness } from './harness.js';
import { framed, openCall, openSession, refusalOf, WATCH } from './raw-stream.js';
import { type Message, ServiceClient } from './service-client.js';

const WATCHES_MAX = 5;

let harness: Harness;
let client: ServiceClient;

beforeEach(async () => {
  harness = await openHarness({ limits: { ...LIMITS, healthWatchesMax: WATCHES_MAX } });
  client = new ServiceClient(harness.door.port, 'grpc.health.v1.Health', 'health.proto');
});

afterEach(async () => {
  client.close();
  await harness.door.close(0);
});

/** The states that a watch is told, one after the other. */
class Watch {
  readonly call: ClientReadableStream<Message>;
  readonly ended: Promise<number>;
  readonly #states: AsyncIterator<unknown>;

  constructor(service: string) {
    this.call = client.stream('Watch', { service });
    this.ended = new Promise((resolve) => {
      this.call.on('status', ({ code }) => resolve(code));
    });
    this.call.on('error', () => {});
    this.#states = this.call.iterator({ destroyOnReturn: false });
  }

  async next(): Promise<unknown> {
    const { value } = await this.#states.next();
    return (value as Message).status;
  }
}

describe('Check', () => {
  it.each(['', 'inference.GRPCInferenceService'])("is the server's readiness for '%s'", async (service) => {
    expect(await client.call('Check', { service })).toEqual({ status: 'SERVING' });
    harness.service.setReady('', false);
    expect(await client.call('Check', { service })).toEqual({ status: 'NOT_SERVING' });
  });

  it("is a model's readiness for its name", async () => {
    expect(await client.call('Check', { service: 'echo' })).toEqual({ status: 'SERVING' });
    harness.service.setReady('echo', false);
    expect(await client.call('Check', { service: 'echo' })).toEqual({ status: 'NOT_SERVING' });
  });

  it('is NOT_FOUND for a name that nobody knows', async () => {
    await expect(client.call('Check', { service: 'nobody' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "unknown service 'nobody'",
    });
  });
});

it('List has the server and all models', async () => {
  harness.service.setReady('down', false);
  expect(await client.call('List')).toEqual({
    statuses: {
      '': { status: 'SERVING' },
      'inference.GRPCInferenceService': { status: 'SERVING' },
      echo: { status: 'SERVING' },
      down: { status: 'NOT_SERVING' },
    },
  });
});

describe('Watch', () => {
  it('tells the state and then every change of it', async () => {
    const server = new Watch('');
    const model = new Watch('late');
    expect(await server.next()).toBe('SERVING');
    expect(await model.next()).toBe('SERVICE_UNKNOWN');
    harness.service.setReady('late', false);
    expect(await model.next()).toBe('NOT_SERVING');
    harness.service.setReady('late', true);
    expect(await model.next()).toBe('SERVING');
    harness.service.setReady('', false);
    expect(await server.next()).toBe('NOT_SERVING');
    server.call.cancel();
    model.call.cancel();
  });

  it('ends with UNAVAILABLE when the door closes, and does not hold it up', async () => {
    const watch = new Watch('');
    await watch.next();
    await harness.door.close(60_000);
    expect(await watch.ended).toBe(status.UNAVAILABLE);
    expect(harness.service.listeners).toBe(0);
  });

  it('tells what many changes at once come to, once', async () => {
    const watch = new Watch('echo');
    expect(await watch.next()).toBe('SERVING');
    let questions = 0;
    const isModelReady = harness.service.isModelReady.bind(harness.service);
    harness.service.isModelReady = (...asked) => {
      questions++;
      return isModelReady(...asked);
    };
    for (let change = 0; change < 101; change++) harness.service.setReady('echo', change % 2 === 1);
    expect(await watch.next()).toBe('NOT_SERVING');
    expect(questions).toBeLessThan(5);
    watch.call.cancel();
  });

  it('that is over before its request is complete takes no place', async () => {
    const session = await openSession(harness.door.port);
    for (let call = 0; call < 2 * WATCHES_MAX; call++) {
      const expired = openCall(session, WATCH, { 'grpc-timeout': '1m' });
      expired.write(framed(Buffer.alloc(0)));
      expect(await refusalOf(expired)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
      expired.end();
      await once(expired, 'close');
    }
    session.destroy();
    const watch = new Watch('');
    expect(await watch.next()).toBe('SERVING');
    watch.call.cancel();
  });

  it('is refused when as many are open as may be, until one ends', async () => {
    const watches = Array.from({ length: WATCHES_MAX }, () => new Watch(''));
    await Promise.all(watches.map((watch) => watch.next()));
    expect(await new Watch('').ended).toBe(status.RESOURCE_EXHAUSTED);
    watches[0]?.call.cancel();
    await watches[0]?.ended;
    // A cancelled call needs a moment to be seen as such; the next one comes behind it.
    let taken: unknown;
    while (taken !== 'SERVING') {
      const retry = new Watch('');
      taken = await Promise.race([retry.next().catch(() => undefined), retry.ended]);
    }
    for (const { call } of watches) call.cancel();
  });
});
