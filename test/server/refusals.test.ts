import { status } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { type GrpcDoor, openGrpcDoor } from '#naiad/grpc/door.js';
import { type HttpDoor, openHttpDoor } from '#naiad/http/door.js';
import { systemClock } from '#naiad/lib/clock.js';
import { TestClient } from '../support/client.js';
import { testGrpc, testHttp } from '../support/door-settings.js';
import { MemoryService } from '../support/memory-service.js';
import { simpleRequest } from '../support/messages.js';
import { RecordedLog } from '../support/recorded-log.js';
import { StreamClient } from '../support/stream-client.js';

/** What doors tell of the requests that they refuse, for metrics. */
const told: string[] = [];
const closing: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  told.length = 0;
});

const parts = () => ({
  service: new MemoryService(),
  log: new RecordedLog(),
  clock: systemClock,
  onRefused: (why: string) => told.push(why),
});

async function grpcDoor(): Promise<GrpcDoor> {
  const door = await openGrpcDoor({ ...parts(), settings: testGrpc() });
  closing.push(() => door.close(0));
  return door;
}

async function httpDoor(inFlightRequestsMax = 10): Promise<HttpDoor> {
  const limits = { inFlightRequestsMax, inFlightBytesMax: 1e9 };
  const door = await openHttpDoor({ ...parts(), settings: testHttp(), limits });
  closing.push(() => door.close(0));
  return door;
}

const post = async ({ port }: HttpDoor) =>
  (await fetch(`http://127.0.0.1:${port}/v2/models/simple/infer`, { method: 'POST', body: '{}' })).status;

it('a stopping gRPC door tells of each request, on streams as well', async () => {
  const door = await grpcDoor();
  const client = new TestClient(door.port);
  const streams = new StreamClient(door.port);
  closing.push(() => client.close());
  closing.push(() => streams.close());
  door.stopAccepting();
  expect((await client.failure('ModelInfer', simpleRequest())).code).toBe(status.UNAVAILABLE);
  expect(told).toEqual(['SHUTTING_DOWN']);
  const { answers } = await streams.exchange([simpleRequest(), simpleRequest()]);
  expect([answers.length, told]).toEqual([2, new Array(3).fill('SHUTTING_DOWN')]);
});

it('an HTTP door tells of each request beyond its bounds, and of those while it stops', async () => {
  const none = await httpDoor(0);
  expect([await post(none), told]).toEqual([503, ['IN_FLIGHT_LIMIT']]);
  const stopping = await httpDoor();
  stopping.stopAccepting();
  expect([await post(stopping), told]).toEqual([503, ['IN_FLIGHT_LIMIT', 'SHUTTING_DOWN']]);
});
