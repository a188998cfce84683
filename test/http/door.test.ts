import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { modelErrors } from '#naiad/errors/catalogue.js';
import { type HttpDoor, openHttpDoor } from '#naiad/http/door.js';
import type { InferenceService } from '#naiad/service/service.js';
import { testHttp } from '../support/door-settings.js';
import { MemoryService } from '../support/memory-service.js';
import { RecordedLog } from '../support/recorded-log.js';

const SETTINGS = testHttp();
const METADATA = { name: 'triton', version: '1.2.3', extensions: ['statistics'] };

function aService(changes: Partial<InferenceService> = {}): InferenceService {
  return Object.assign(new MemoryService(), { serverMetadata: () => METADATA, ...changes });
}

let door: HttpDoor | null = null;
const log = new RecordedLog();

async function open(service: InferenceService): Promise<HttpDoor> {
  door = await openHttpDoor({ service, settings: SETTINGS, log });
  return door;
}

afterEach(async () => {
  await door?.close(0);
  door = null;
  log.lines.length = 0;
});

interface Reply {
  status: number;
  type: string | null;
  body: string;
}

async function ask(service: InferenceService, path: string, init: RequestInit = {}): Promise<Reply> {
  const { port } = await open(service);
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: reply.status, type: reply.headers.get('content-type'), body: await reply.text() };
}

describe('health', () => {
  it.each([
    ['/v2/health/live', aService(), 200],
    ['/v2/health/live', aService({ isLive: () => false }), 400],
    ['/v2/health/ready', aService(), 200],
    ['/v2/health/ready', aService({ isReady: () => false }), 400],
    ['/v2/health/ready?verbose=1', aService(), 200],
  ])('%s', async (path, service, status) => {
    expect(await ask(service, path)).toEqual({ status, type: 'text/plain', body: '' });
  });
});

describe('model readiness', () => {
  it.each([
    ['/v2/models/simple/ready', 'simple', ''],
    ['/v2/models/simple/versions/3/ready', 'simple', '3'],
    ['/v2/models/two%20words/ready', 'two words', ''],
  ])('%s asks for %j version %j', async (path, name, version) => {
    const asked: string[][] = [];
    const isModelReady = (...query: [string, string]): boolean => asked.push(query) > 0;
    expect(await ask(aService({ isModelReady }), path)).toEqual({
      status: 200,
      type: 'text/plain',
      body: '',
    });
    expect(asked).toEqual([[name, version]]);
  });

  it('is 400 with a text when the model is not ready', async () => {
    expect(await ask(aService({ isModelReady: () => false }), '/v2/models/x/ready')).toEqual({
      status: 400,
      type: 'text/plain',
      body: '{"error":"Model version not ready"}',
    });
  });

  it("answers the service's error with its HTTP status", async () => {
    const isModelReady = (): never => {
      throw modelErrors.unknown('x');
    };
    expect(await ask(aService({ isModelReady }), '/v2/models/x/ready')).toMatchObject({
      status: 404,
      body: '{"error":"Request for unknown model: \'x\' is not found"}',
    });
  });

  it('shows nothing of an internal error, but logs it', async () => {
    const isModelReady = (): never => {
      throw new Error('secret');
    };
    const reply = await ask(aService({ isModelReady }), '/v2/models/x/ready');
    expect(reply.status).toBe(500);
    expect(reply.body).not.toContain('secret');
    expect(log.messages('error')).toEqual(['HTTP request failed']);
  });
});

describe('metadata', () => {
  it('is JSON', async () => {
    const reply = await ask(aService(), '/v2');
    expect(reply).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(reply.body)).toEqual(METADATA);
  });
});

describe('other requests', () => {
  it.each([
    '/',
    '/v2/',
    '/v2/health',
    '/v1/models/simple',
    '/v2/models/simple/nope',
    '/v2/models/simple/versions/x/ready',
    '/v2/models/%E0%A4/ready',
    '/v2/models/a/b/ready',
  ])('%s is not found', async (path) => {
    expect(await ask(aService(), path)).toEqual({
      status: 404,
      type: 'text/plain',
      body: '{"error":"Not Found"}',
    });
  });

  it.each([
    ['POST', '/v2', 'application/json'],
    ['DELETE', '/v2/health/ready', 'text/plain'],
    ['OPTIONS', '/v2', 'application/json'],
  ])('%s %s is not allowed', async (method, path, type) => {
    const { port } = await open(aService());
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBe('GET, HEAD');
    expect(reply.headers.get('content-type')).toBe(type);
    expect(await reply.text()).toBe('{"error":"Method Not Allowed"}');
  });

  it('HEAD is a GET without its body', async () => {
    const { port } = await open(aService());
    const reply = await fetch(`http://127.0.0.1:${port}/v2`, { method: 'HEAD' });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-length')).toBe(String(JSON.stringify(METADATA).length));
    expect(await reply.text()).toBe('');
  });

  it('a body is read past, the connection stays usable', async () => {
    const { port } = await open(aService());
    const socket = connect(port, '127.0.0.1');
    const body = 'x'.repeat(300_000);
    socket.write(`POST /v2 HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    socket.write('GET /v2/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const replies = await text(socket);
    expect(replies.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 405', 'HTTP/1.1 200']);
  });
});

describe('broken requests', () => {
  it.each([
    ['no HTTP', 'nonsense\r\n\r\n', 400],
    ['huge headers', `GET /v2 HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`, 431],
  ])('%s', async (_case, request, status) => {
    const { port } = await open(aService());
    const socket = connect(port, '127.0.0.1');
    socket.write(request);
    const reply = await text(socket);
    expect(reply.startsWith(`HTTP/1.1 ${status} `)).toBe(true);
    expect(JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4))).toHaveProperty('error');
  });
});

describe('closing', () => {
  it('closes idle connections at once and accepts no new ones', async () => {
    const { port, close } = await open(aService());
    const idle = await idleConnection(port);
    await close(60_000);
    door = null;
    expect(idle.readableEnded || idle.destroyed || (await once(idle, 'end'))).toBeTruthy();
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('cuts a request that does not end when the grace is over', async () => {
    const { port, close } = await open(aService());
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.resume();
    socket.write('GET /v2 HTTP/1.1\r\nHost: a\r\nX-Not-');
    // A whole request on another connection: the half one has been read by then.
    await fetch(`http://127.0.0.1:${port}/v2`);
    const closed = once(socket, 'close');
    await close(20);
    door = null;
    await closed;
  });
});

describe('an address that can not be used', () => {
  const at = (address: string, port: number): Promise<HttpDoor> =>
    openHttpDoor({ service: aService(), settings: { ...SETTINGS, address, port }, log });

  it('tells what to do when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(at('127.0.0.1', port)).rejects.toThrow(
      `HTTP can't listen on 127.0.0.1:${port}: the port is in use; end the process that holds it or choose another with --http-port`,
    );
    other.close();
  });

  it('tells what to do when the address is not ours', async () => {
    await expect(at('203.0.113.1', 0)).rejects.toThrow(
      'this machine has no such address; choose another with --http-address',
    );
  });
});

async function idleConnection(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  socket.resume();
  return socket;
}
