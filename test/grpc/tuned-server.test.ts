import { once } from 'node:events';
import http2, { connect, type Http2Server } from 'node:http2';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LIMITS } from '#naiad/settings/limits.js';
import { testGrpc } from '../support/door-settings.js';
import { type Harness, openHarness } from './harness.js';

let harness: Harness;

beforeEach(async () => {
  harness = await openHarness();
});

afterEach(() => harness.door.close(0));

it('has the windows and streams that it was made for, whatever release of grpc-js this is', async () => {
  const session = connect(`http://127.0.0.1:${harness.door.port}`);
  const [settings] = await once(session, 'remoteSettings');
  expect(settings).toMatchObject({
    initialWindowSize: LIMITS.streamWindowBytes,
    maxConcurrentStreams: LIMITS.streamsPerConnectionMax,
  });
  // The connection's window comes in a frame of its own, behind the settings: a ping brings both along.
  await new Promise((resolve) => session.ping(resolve));
  expect(session.state.remoteWindowSize).toBe(LIMITS.connectionWindowBytes);
  session.destroy();
});

it('asks connections to end when they are old enough', async () => {
  const { door } = await openHarness({
    settings: testGrpc({ connectionAgeMs: 50, connectionAgeGraceMs: 50 }),
  });
  const session = connect(`http://127.0.0.1:${door.port}`);
  await once(session, 'close');
  await door.close(0);
});

it('bounds connections, notes those that can not be accepted, and goes on', async () => {
  const create = vi.spyOn(http2, 'createServer');
  const { door, log } = await openHarness();
  const server = create.mock.results.at(-1)?.value as Http2Server;
  create.mockRestore();
  expect(server.maxConnections).toBe(LIMITS.grpcConnectionsMax);
  // As when the process may open no further files; an event that nobody listens to would be thrown.
  server.emit('error', new Error('accept EMFILE'));
  expect(log.messages('warn')).toEqual(['gRPC connection could not be accepted']);
  await door.close(0);
});
