import { once } from 'node:events';
import { Agent } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { modelErrors } from '#naiad/errors/catalogue.js';
import { errorReply } from '#naiad/http/reply.js';
import type { HttpReply, HttpRequest, Route } from '#naiad/http/route.js';
import { sleep, systemClock } from '#naiad/lib/clock.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { FakeClock } from '../support/fake-clock.js';
import { Arrivals, aRoute, ECHO, TestDoor } from './harness.js';

let test: TestDoor;

afterEach(async () => {
  await test.close();
});

async function open(
  route: Route,
  options: Omit<NonNullable<Parameters<typeof TestDoor.open>[0]>, 'routes'> = {},
): Promise<TestDoor> {
  test = await TestDoor.open({ routes: [route], ...options });
  return test;
}

const GOOD: HttpReply = { kind: 'whole', status: 200, contentType: 'text/plain', body: 'good' };
const POST = 'POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n';

/** A route that answers when it is told to. */
class HeldRoute {
  readonly requests: HttpRequest[] = [];
  readonly route: Route;
  #arrived: (() => void)[] = [];
  #answers: ((reply: HttpReply) => void)[] = [];

  constructor(overrides: Partial<Route> = {}) {
    this.route = aRoute((_context, request) => {
      this.requests.push(request);
      for (const wake of this.#arrived.splice(0)) wake();
      return new Promise<HttpReply>((resolve) => this.#answers.push(resolve));
    }, overrides);
  }

  async arrived(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.#arrived.push(resolve));
  }

  answer(reply: HttpReply = GOOD): void {
    for (const answer of this.#answers.splice(0)) answer(reply);
  }
}

/** Resolves once a request's client is known to have gone. */
const cancelled = (request: HttpRequest | undefined): Promise<void> =>
  new Promise((resolve) => request?.cancellation.onCancel(resolve));

describe('a request', () => {
  it('tells who asks what', async () => {
    const held = new HeldRoute();
    await open(held.route);
    const reply = test.ask('POST', '/test?a=1&b=%20', 'x', { headers: { 'X-Name': 'value' } });
    await held.arrived(1);
    const [request] = held.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/test', headers: { 'x-name': 'value' } });
    expect(Object.fromEntries(request?.query ?? [])).toEqual({ a: '1', b: ' ' });
    expect(request?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    held.answer();
    expect((await reply).text).toBe('good');
    expect(request?.cancellation.cancelled).toBe(false);
  });

  it.each([
    'GET /v2/health/live HTTP/1.0\r\n\r\n',
    'GET /v2/health/live HTTP/1.1\r\nConnection: close\r\n\r\n',
    'GET http://example.com/v2/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'GET /v2/health/live HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  ])('may be written as %j', async (request) => {
    test = await TestDoor.open();
    expect(await test.talk(request)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('is cancelled when its client goes', async () => {
    const held = new HeldRoute();
    const socket = (await open(held.route)).connect();
    socket.write(POST);
    await held.arrived(1);
    const gone = cancelled(held.requests[0]);
    socket.destroy();
    await gone;
    held.answer();
    expect(test.log.lines).toEqual([]);
  });

  it('is told when its answer was sent, or its client had gone, though only asked afterwards', async () => {
    const held = new HeldRoute();
    await open(held.route);
    const gone = test.connect();
    gone.write(POST.repeat(2));
    await held.arrived(2);
    gone.destroy();
    await Promise.all(held.requests.map(cancelled));
    const reply = test.ask('POST', '/test');
    await held.arrived(3);
    const told = held.requests.map((request) => new Promise<number>((done) => request.whenSent(done)));
    held.answer();
    await reply;
    for (const ns of await Promise.all(told)) expect(ns).toBeGreaterThan(0);
  });

  it('is cancelled with all others of its connection', async () => {
    const held = new HeldRoute();
    const socket = (await open(held.route)).connect();
    socket.write(POST.repeat(3));
    await held.arrived(3);
    const gone = held.requests.map(cancelled);
    socket.destroy();
    await Promise.all(gone);
    held.answer();
    await test.door.answered();
  });

  it('fails as cancelled when its client goes in the midst of it', async () => {
    let failed: Promise<unknown> = Promise.resolve();
    const arrived = new Arrivals();
    const route = aRoute((_context, request) => {
      arrived.arrive();
      const body = request.body();
      failed = body.catch((error: unknown) => error);
      return body.then(() => GOOD);
    });
    const socket = (await open(route)).connect();
    socket.write('POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123');
    await arrived.reach(1);
    socket.destroy();
    await test.door.answered();
    expect(await failed).toMatchObject({ code: 'CANCELLED' });
  });
});

describe('requests on one connection', () => {
  it('are answered in their order', async () => {
    await open(ECHO);
    const requests = ['first', 'second', 'third'].map(
      (body) => `POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const replies = await test.talk(
      ...requests,
      'GET /nope HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect(replies.match(/first|second|third|Not Found"/g)).toEqual([
      'first',
      'second',
      'third',
      'Not Found"',
    ]);
  });

  it('reuse it', async () => {
    await open(ECHO);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    agent.on('free', (socket: Socket) => ports.add(socket.localPort));
    for (let round = 0; round < 3; round++) await test.ask('POST', '/test', 'x', { agent });
    expect(ports.size).toBe(1);
    agent.destroy();
  });

  it('are cut when they are too many at a time', async () => {
    const held = new HeldRoute();
    const socket = (await open(held.route)).connect();
    const closed = once(socket, 'close');
    socket.write(POST.repeat(LIMITS.httpPipelinedMax + 1));
    await closed;
    expect(held.requests.length).toBeLessThanOrEqual(LIMITS.httpPipelinedMax);
    held.answer();
  });
});

describe('an answer', () => {
  it('may come in pieces', async () => {
    const pieces = [Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(200_000, 'b'), Buffer.from('c')];
    await open(aRoute(() => ({ ...GOOD, headers: { 'X-Name': 'value' }, body: pieces })));
    const { text: body, headers } = await test.ask('POST', '/test');
    expect(body).toBe(`a${'b'.repeat(200_000)}c`);
    expect(headers).toMatchObject({
      'content-length': '200002',
      'content-type': 'text/plain',
      'x-name': 'value',
    });
  });

  it('may be empty', async () => {
    await open(aRoute(() => ({ ...GOOD, body: '' })));
    const { text: body, headers } = await test.ask('POST', '/test');
    expect([body, headers['content-length']]).toEqual(['', '0']);
  });

  it('is compressed as its route and the client want it', async () => {
    await open(ECHO);
    const body = 'x'.repeat(100_000);
    const reply = await test.ask('POST', '/test', body, {
      headers: { 'Accept-Encoding': 'gzip, deflate, br' },
    });
    expect(reply.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': String(reply.body.length),
    });
    expect(gunzipSync(reply.body).toString()).toBe(body);
    expect((await test.ask('POST', '/test', body)).headers['content-encoding']).toBeUndefined();
  });

  it.each([
    ['its route does not', aRoute(() => GOOD)],
    ['it is an error', aRoute(() => errorReply(400, 'bad', 'text/plain'), { compresses: true })],
  ])('is not compressed when %s', async (_case, route) => {
    await open(route);
    const reply = await test.ask('POST', '/test', '', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(reply.headers['content-encoding']).toBeUndefined();
  });

  it('counts until its client has taken it, or has gone', async () => {
    const held = new HeldRoute();
    await open(held.route);
    const socket = test.connect();
    socket.write(POST);
    await held.arrived(1);
    socket.pause();
    held.answer({ ...GOOD, body: [Buffer.alloc(64 << 20)] });
    let isTaken = false;
    const taken = test.door.answered().then(() => {
      isTaken = true;
    });
    await test.ask('GET', '/nope');
    expect(isTaken).toBe(false);
    socket.destroy();
    await taken;
  });
});

/** A connection that a busy machine gets to no earlier counts as one that stalls, too. */
const STALLED_MS = 500;

describe('a client on whose connection nothing moves', () => {
  it('is cut off where it takes nothing of its answer', async () => {
    const held = new HeldRoute();
    const socket = (await open(held.route, { stalledMs: STALLED_MS })).connect();
    socket.pause();
    socket.write(POST);
    await held.arrived(1);
    held.answer({ ...GOOD, body: [Buffer.alloc(64 << 20)] });
    await test.door.answered();
    socket.destroy();
  });

  it('is cut off where it takes nothing of a stream', async () => {
    const arrived = new Arrivals();
    const route = aRoute(() => ({
      kind: 'stream',
      status: 200,
      contentType: 'text/event-stream',
      async write(write) {
        arrived.arrive();
        for (;;) await write('x'.repeat(1 << 20));
      },
    }));
    const socket = (await open(route, { stalledMs: STALLED_MS })).connect();
    socket.pause();
    socket.write(POST);
    await arrived.reach(1);
    await test.door.answered();
    socket.destroy();
  });

  it('may wait for its next answer', async () => {
    const held = new HeldRoute();
    const first = { ...held.route, pattern: /^\/first$/, answer: () => GOOD };
    test = await TestDoor.open({ routes: [first, held.route], stalledMs: STALLED_MS });
    const socket = test.connect();
    socket.write(POST.replace('/test', '/first') + POST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await held.arrived(1);
    await sleep(systemClock, 2 * STALLED_MS * 1e6);
    held.answer();
    expect((await text(socket)).match(/good/g)).toHaveLength(2);
  });
});

describe('an error', () => {
  it('has the status of its code and the type of its route', async () => {
    const route = aRoute(
      () => {
        throw modelErrors.unknown('x');
      },
      { contentType: 'text/plain' },
    );
    const { status, headers, json } = await (await open(route)).ask('POST', '/test');
    expect([status, json]).toEqual([404, { error: "Request for unknown model: 'x' is not found" }]);
    expect(headers['content-type']).toBe('text/plain');
    expect(headers['retry-after']).toBeUndefined();
  });

  it('of the server itself is logged and not told', async () => {
    const route = aRoute(async () => {
      throw new Error('secret');
    });
    const { status, text: body } = await (await open(route)).ask('POST', '/test');
    expect(status).toBe(500);
    expect(body).not.toContain('secret');
    expect(test.log.messages('error')).toEqual(['HTTP request failed']);
  });
});

describe('a stream', () => {
  const streamOf = (write: (write: (text: string) => Promise<void>) => Promise<void>): Route =>
    aRoute(() => ({ kind: 'stream', status: 200, contentType: 'text/event-stream', write }));

  it('is sent as it is made', async () => {
    let next: () => void = () => {};
    const route = streamOf(async (write) => {
      await write('data: 1\n\n');
      await new Promise<void>((resolve) => {
        next = resolve;
      });
      await write('data: 2\n\n');
    });
    const socket = (await open(route)).connect();
    socket.write(POST);
    let came = '';
    socket.on('data', (piece: Buffer) => {
      came += piece.toString();
    });
    while (!came.includes('data: 1')) await once(socket, 'data');
    expect(came).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n/);
    next();
    while (!came.includes('\r\n0\r\n\r\n')) await once(socket, 'data');
    expect(came).toContain('data: 2');
    await test.door.answered();
  });

  it('is not mixed with an answer to what is no HTTP, and ends the connection then', async () => {
    let next: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      next = resolve;
    });
    const route = streamOf(async (write) => {
      await write('first');
      await held;
      await write('second');
    });
    const socket = (await open(route)).connect();
    let came = '';
    socket.on('data', (piece: Buffer) => {
      came += piece.toString();
    });
    socket.write(POST);
    while (!came.includes('first')) await once(socket, 'data');
    socket.write('nonsense\r\n\r\n');
    // When it is answered, what came before on the other connection has been read.
    await test.ask('GET', '/nope');
    next();
    await once(socket, 'end');
    expect(came.slice(came.indexOf('\r\n\r\n') + 4)).toBe('5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n');
  });

  it('waits for a client that reads slowly', async () => {
    let written = 0;
    const piece = 'x'.repeat(1 << 20);
    const count = 64;
    const route = streamOf(async (write) => {
      for (; written < count; written++) await write(piece);
    });
    const socket = (await open(route)).connect();
    socket.pause();
    socket.write(POST.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    // What fits into the system's buffers has been written after these, and no more.
    for (let turn = 0; turn < 50; turn++) await test.ask('GET', '/nope');
    expect(written).toBeLessThan(count);
    expect((await text(socket)).length).toBeGreaterThan(count * piece.length);
  });

  it('ends when its client goes', async () => {
    let failed: unknown;
    const route = streamOf(async (write) => {
      try {
        for (;;) await write('x'.repeat(1 << 20));
      } catch (error) {
        failed = error;
        throw error;
      }
    });
    const socket = (await open(route)).connect();
    socket.write(POST);
    await once(socket, 'data');
    socket.destroy();
    await test.door.answered();
    expect(failed).toMatchObject({ code: 'CANCELLED' });
    expect(test.log.lines).toEqual([]);
  });

  it('is cut where it fails', async () => {
    const route = streamOf(async (write) => {
      await write('data: 1\n\n');
      throw new Error('broken');
    });
    await open(route);
    expect(await test.talk(POST)).not.toContain('\r\n0\r\n');
    expect(test.log.messages('error')).toEqual(['HTTP answer could not be sent']);
  });
});

describe('a restriction', () => {
  it('is asked before anything else of a route', async () => {
    const asked: unknown[] = [];
    await open(
      aRoute(() => GOOD),
      {
        restriction: (category, headers) => {
          asked.push([category, headers['x-key']]);
          return headers['x-key'] === 'open' ? null : errorReply(403, 'closed', 'application/json');
        },
      },
    );
    expect((await test.ask('POST', '/test')).status).toBe(403);
    expect((await test.ask('DELETE', '/test')).status).toBe(403);
    expect((await test.ask('POST', '/test', '', { headers: { 'X-Key': 'open' } })).status).toBe(200);
    expect((await test.ask('GET', '/nope')).status).toBe(404);
    expect(asked).toEqual([
      ['inference', undefined],
      ['inference', undefined],
      ['inference', 'open'],
    ]);
  });
});

describe('a door that stops', () => {
  it('refuses inference, answers the rest, and ends connections', async () => {
    const held = new HeldRoute();
    await open(held.route);
    const begun = test.ask('POST', '/test', '', { headers: { Connection: 'keep-alive' } });
    await held.arrived(1);
    test.door.stopAccepting();
    const { status, headers } = await test.ask('POST', '/test', '', {
      headers: { Connection: 'keep-alive' },
    });
    expect([status, headers.connection]).toEqual([503, 'close']);
    expect((await test.ask('GET', '/nope')).status).toBe(404);
    held.answer();
    expect(await begun).toMatchObject({ status: 200, headers: { connection: 'close' } });
  });

  it('has answered when clients have their answers', async () => {
    const held = new HeldRoute();
    await open(held.route);
    await test.door.answered();
    const replies = [test.ask('POST', '/test'), test.ask('POST', '/test')];
    await held.arrived(2);
    let answered = false;
    const done = test.door.answered().then(() => {
      answered = true;
    });
    await test.ask('GET', '/nope');
    expect(answered).toBe(false);
    held.answer();
    await done;
    await test.door.close(10_000);
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('does not wait for what is still being sent', async () => {
    const arrived = new Arrivals();
    const socket = (
      await open(
        aRoute(async (...parts) => {
          arrived.arrive();
          return ECHO.answer(...parts);
        }),
      )
    ).connect();
    socket.write('POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123');
    await arrived.reach(1);
    test.door.stopAccepting();
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 503 [\s\S]*HTTP server is shutting down/);
    await test.door.answered();
    socket.destroy();
  });

  it('does not wait for requests of other kinds', async () => {
    const held = new HeldRoute({ category: 'model-repository' });
    await open(held.route);
    const reply = test.ask('POST', '/test');
    await held.arrived(1);
    await test.door.answered();
    held.answer();
    await reply;
  });

  it('cuts what does not end in time', async () => {
    const held = new HeldRoute();
    const clock = new FakeClock();
    await open(held.route, { clock });
    const socket = test.connect();
    socket.write(POST);
    await held.arrived(1);
    const gone = cancelled(held.requests[0]);
    const closed = test.door.close(1000);
    await clock.advance(1e9);
    await closed;
    await gone;
    held.answer();
    await test.door.answered();
  });
});

describe('requests in flight', () => {
  it('are bounded', async () => {
    const held = new HeldRoute();
    await open(held.route, { limits: { inFlightRequestsMax: 2, inFlightBytesMax: 1e9 } });
    const begun = [test.ask('POST', '/test'), test.ask('POST', '/test')];
    await held.arrived(2);
    const { status, headers, json } = await test.ask('POST', '/test');
    expect([status, json]).toEqual([503, { error: 'Exceeds the limit of 2 requests in flight' }]);
    expect(headers['retry-after']).toBe('1');
    held.answer();
    await Promise.all(begun);
    const next = test.ask('POST', '/test');
    await held.arrived(3);
    held.answer();
    expect((await next).status).toBe(200);
  });
});
