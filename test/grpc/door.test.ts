import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestClient } from '../support/client.js';
import { testGrpc } from '../support/door-settings.js';
import { type Harness, openHarness } from './harness.js';

let harness: Harness;
let client: TestClient;

beforeEach(async () => {
  harness = await openHarness();
  client = new TestClient(harness.door.port);
});

afterEach(async () => {
  client.close();
  await harness.door.close(0);
});

const REQUEST = { model_name: 'echo' };

describe('opening', () => {
  const openAt = (address: string, port: number): Promise<Harness> =>
    openHarness({ settings: testGrpc({ address, port }) });

  it('says what to do when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(openAt('127.0.0.1', port)).rejects.toThrow(
      `gRPC can't listen on 127.0.0.1:${port}: the port is in use; end the process that holds it or choose another with --grpc-port`,
    );
    other.close();
  });

  it.each(['203.0.113.1', 'no-such-host.invalid'])(
    'says what to do when %s is no address of ours',
    async (address) => {
      await expect(openAt(address, 0)).rejects.toThrow(
        `gRPC can't listen on ${address}:0: this machine has no such address; choose another with --grpc-address`,
      );
    },
  );

  it('takes IPv6 addresses as they are', async () => {
    const { door } = await openAt('::1', 0);
    expect(door.port).toBeGreaterThan(0);
    await door.close(0);
  });

  it('leaves no listener at the service when it fails', async () => {
    const { service } = harness;
    const settings = testGrpc({ address: '203.0.113.1' });
    await expect(openHarness({ service, settings })).rejects.toThrow();
    expect(service.listeners).toBe(1);
  });
});

describe('closing', () => {
  it('refuses inference first, and nothing else', async () => {
    harness.door.stopAccepting();
    await expect(client.call('ModelInfer', REQUEST)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'GRPC server is shutting down and has stopped accepting new requests.',
    });
    expect(await client.call('ServerLive')).toEqual({ live: true });
  });

  it('waits for calls in flight, then nobody listens any more', async () => {
    const infer = harness.service.infer.bind(harness.service);
    let release = (): void => {};
    const arrived = new Promise<void>((arrive) => {
      harness.service.infer = async (request) => {
        arrive();
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return infer(request);
      };
    });
    const call = client.call('ModelInfer', REQUEST);
    await arrived;
    const closed = harness.door.close(60_000);
    expect(harness.door.close(0)).toBe(closed);
    release();
    expect(await call).toMatchObject({ model_name: 'echo' });
    await closed;
    const [error] = await once(connect(harness.door.port, '127.0.0.1'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('cuts what is still open after the grace', async () => {
    const arrived = new Promise<void>((arrive) => {
      harness.service.infer = () => {
        arrive();
        return new Promise(() => {});
      };
    });
    const call = client.call('ModelInfer', REQUEST);
    call.catch(() => {});
    await arrived;
    await harness.door.close(1);
    await expect(call).rejects.toMatchObject({ code: expect.any(Number) });
  });
});

describe('closing with clients that have vanished', () => {
  /** A connection that the server has taken, and whose other end does nothing more, not even end. */
  const vanish = async (greeting: Buffer | string): Promise<Socket> => {
    const socket = connect({ port: harness.door.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(greeting);
    await once(socket, 'data');
    return socket.pause();
  };

  it.each([
    ['said nothing', ''],
    ['idle in HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1')],
  ])('does not wait for one that was %s', async (_what, greeting) => {
    const socket = await vanish(greeting);
    await harness.door.close(1);
    socket.destroy();
  });
});

describe('strange clients', () => {
  it('that speak no HTTP/2, or leave at once, do no harm', async () => {
    for (const noise of ['GET / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnoise noise noise', '']) {
      const socket = connect(harness.door.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(noise);
      socket.resume();
      await once(socket, 'close');
    }
    expect(await client.call('ServerLive')).toEqual({ live: true });
  });

  /** A call by hand: its headers, its body, and the `grpc-status` it is answered with. */
  const call = async (headers: Record<string, string>, body: Buffer | null): Promise<unknown> => {
    const session = connectHttp2(`http://127.0.0.1:${harness.door.port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/inference.GRPCInferenceService/ServerLive',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    if (body !== null) stream.write(body);
    stream.end();
    let code: unknown;
    stream.on('response', (response) => {
      code = response['grpc-status'];
    });
    stream.on('trailers', (trailers) => {
      code = trailers['grpc-status'];
    });
    stream.resume();
    await once(stream, 'close');
    session.destroy();
    return code;
  };
  const EMPTY_MESSAGE = Buffer.alloc(5);

  it.each([
    ['a message', {}, EMPTY_MESSAGE, status.OK],
    ['a deadline of 100 million hours', { 'grpc-timeout': '99999999H' }, EMPTY_MESSAGE, status.OK],
    ['a deadline of an hour', { 'grpc-timeout': '1H' }, EMPTY_MESSAGE, status.OK],
    ['no message', {}, null, status.UNIMPLEMENTED],
    ['two messages', {}, Buffer.alloc(10), status.UNIMPLEMENTED],
    ['an unknown compression', { 'grpc-encoding': 'x' }, Buffer.from([1, 0, 0, 0, 0]), status.UNIMPLEMENTED],
    ['broken gzip', { 'grpc-encoding': 'gzip' }, Buffer.from([1, 0, 0, 0, 1, 7]), status.INVALID_ARGUMENT],
    ['a message of 4 GiB', {}, Buffer.from([0, 255, 255, 255, 255, 0]), status.RESOURCE_EXHAUSTED],
  ])('that send %s get a status', async (_what, headers, body, expected) => {
    expect(Number(await call(headers, body))).toBe(expected);
  });
});
