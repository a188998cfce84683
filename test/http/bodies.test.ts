import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { Route } from '#naiad/http/route.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { FakeClock } from '../support/fake-clock.js';
import { Arrivals, aRoute, ECHO, TestDoor } from './harness.js';

let test: TestDoor;

afterEach(async () => {
  await test.close();
});

async function open(options: Parameters<typeof TestDoor.open>[0] = {}): Promise<TestDoor> {
  test = await TestDoor.open({ routes: [ECHO], ...options });
  return test;
}

/** Bytes that do not repeat themselves within any power of two. */
function someBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 131) % 251;
  return bytes;
}

const chunked = (...pieces: readonly string[]): string =>
  `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;

describe('a body', () => {
  it.each([0, 1, 100, 70_000, 3_000_000])('of %d bytes comes whole', async (length) => {
    const { body, status } = await (await open()).ask('POST', '/test', someBytes(length));
    expect(status).toBe(200);
    expect(body.equals(someBytes(length))).toBe(true);
  });

  it('may come in chunks', async () => {
    const reply = await (await open()).talk(
      'POST /test HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
      chunked('some', 'body', 'x'.repeat(100_000)),
    );
    expect(reply.slice(reply.indexOf('\r\n\r\n') + 4)).toBe(`somebody${'x'.repeat(100_000)}`);
  });

  it('is sent when the client has been told that it is wanted', async () => {
    const socket = (await open()).connect();
    socket.write(
      'POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n',
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('body');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\nbody$/);
  });

  it('that nobody reads does not disturb the next request', async () => {
    const body = 'x'.repeat(300_000);
    const replies = await (await open()).talk(
      `POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi',
    );
    expect(replies.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 200']);
  });
});

describe('a body that is too large', () => {
  const TOO_LARGE =
    'Request JSON size exceeds the maximum allowed value of 1000 bytes. Use --http-max-input-size to increase the limit.';

  it('is refused by its declared length, and read past', async () => {
    const { status, json } = await (await open({ inputBytesMax: 1000 })).ask('POST', '/test', someBytes(2e6));
    expect([status, json]).toEqual([400, { error: TOO_LARGE }]);
    expect((await test.ask('POST', '/test', someBytes(1000))).status).toBe(200);
  });

  it('is refused before it is sent where the client asks', async () => {
    const reply = await (await open({ inputBytesMax: 1000 })).talk(
      'POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n',
    );
    expect(reply).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('is refused when its chunks are', async () => {
    const reply = await (await open({ inputBytesMax: 1000 })).talk(
      'POST /test HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
      chunked('x'.repeat(600), 'x'.repeat(600)),
    );
    expect(reply).toContain(TOO_LARGE);
  });

  it('is refused when it becomes so by decompression', async () => {
    await open({ inputBytesMax: 1000 });
    const compressed = gzipSync(Buffer.alloc(1_000_000));
    const { status, json } = await test.ask('POST', '/test', compressed.subarray(0, 1000), {
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect([status, json]).toEqual([400, { error: TOO_LARGE }]);
  });

  it('is refused by the bound of its route', async () => {
    const route = aRoute(async (_context, request) => ({
      kind: 'whole',
      status: 200,
      contentType: 'text/plain',
      body: [await request.body(10)],
    }));
    const { status, json } = await (await open({ routes: [route] })).ask('POST', '/test', someBytes(11));
    expect([status, json]).toEqual([400, { error: 'Requests of this kind have at most 10 bytes' }]);
  });
});

describe('compression', () => {
  const sent = (body: Uint8Array, encoding: string) =>
    test.ask('POST', '/test', body, { headers: { 'Content-Encoding': encoding } });

  it.each([
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['identity', (body: Buffer) => body],
  ])('%s is understood', async (encoding, compress) => {
    await open();
    expect((await sent(compress(someBytes(200_000)), encoding)).body.equals(someBytes(200_000))).toBe(true);
  });

  it.each([
    ['gzip', 'no gzip at all'],
    ['gzip', gzipSync('x'.repeat(100)).subarray(0, 20)],
    ['deflate', deflateRawSync('x'.repeat(100))],
  ])('%s that is broken is refused', async (encoding, body) => {
    await open();
    const { status, json } = await sent(Buffer.from(body), encoding);
    expect([status, json]).toEqual([400, { error: 'malformed request message: it can not be decompressed' }]);
  });

  it('of another kind is refused, and told what would be understood', async () => {
    await open();
    const { status, headers, json } = await sent(Buffer.from('x'), 'br');
    expect([status, json]).toEqual([501, { error: 'Unsupported compression type' }]);
    expect(headers).toMatchObject({ 'accept-encoding': 'gzip, deflate', 'content-type': 'text/plain' });
  });

  it.each([
    ['gzip, chunked', 501],
    ['Chunked', 200],
  ])('is read or refused by the way it takes: %s', async (coding, status) => {
    test = await TestDoor.open({ routes: [ECHO] });
    const head = `POST /test HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: ${coding}\r\n\r\n`;
    expect(await test.talk(head, '0\r\n\r\n')).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe('bytes in flight', () => {
  const limits = { inFlightBytesMax: 100_000, inFlightRequestsMax: 10 };

  it('are bounded, and given back', async () => {
    await open({ limits });
    const { status, json } = await test.ask('POST', '/test', someBytes(100_001));
    expect([status, json]).toEqual([
      503,
      { error: 'Exceeds the limit of 100000 bytes of requests in flight' },
    ]);
    for (let round = 0; round < 5; round++) {
      expect((await test.ask('POST', '/test', someBytes(40_000))).status).toBe(200);
    }
  });

  it('are counted when they become more by decompression', async () => {
    await open({ limits });
    const options = { headers: { 'Content-Encoding': 'gzip' } };
    expect((await test.ask('POST', '/test', gzipSync(Buffer.alloc(200_000)), options)).status).toBe(503);
    expect((await test.ask('POST', '/test', gzipSync(Buffer.alloc(20_000)), options)).status).toBe(200);
  });

  it('count answers', async () => {
    const large = aRoute(() => ({
      kind: 'whole',
      status: 200,
      contentType: 'text/plain',
      body: [Buffer.alloc(60_000), Buffer.alloc(60_000)],
    }));
    await open({ limits, routes: [large] });
    expect((await test.ask('POST', '/test')).status).toBe(503);
  });

  it('are given back by clients that go at any time', async () => {
    const inFlightBytesMax = 8 << 20;
    await open({ limits: { inFlightBytesMax, inFlightRequestsMax: 100 } });
    const body = Buffer.alloc(100_000);
    const head = `POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`;
    const whole = Buffer.concat([Buffer.from(head), body]);
    const gone = Array.from({ length: 60 }, async (_, index) => {
      const socket = test.connect();
      const sent = new Promise((resolve) => {
        socket.write(whole.subarray(0, (index * whole.length) / 50), resolve);
      });
      if (index % 3 > 0) await sent;
      if (index % 3 > 1) await test.ask('GET', '/nope');
      const closed = once(socket, 'close');
      socket.destroy();
      await closed;
    });
    await Promise.all(gone);
    // A later connection: what those before it have sent has been read by then.
    await test.ask('GET', '/nope');
    await test.door.answered();
    expect((await test.ask('POST', '/test', someBytes(inFlightBytesMax / 2))).status).toBe(200);
  });

  it('are not what is declared, but what has come', async () => {
    await open({ limits });
    const waiting = Array.from({ length: 4 }, () => {
      const socket = test.connect();
      socket.write('POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n123');
      return socket;
    });
    expect((await test.ask('POST', '/test', someBytes(40_000))).status).toBe(200);
    for (const socket of waiting) socket.destroy();
  });
});

describe('a request that does not come to its end', () => {
  const arrivals = (): { arrived: Arrivals; routes: Route[] } => {
    const arrived = new Arrivals();
    const answer: Route['answer'] = (...parts) => {
      arrived.arrive();
      return ECHO.answer(...parts);
    };
    return { arrived, routes: [{ ...ECHO, answer }] };
  };

  it('is answered 408 when it comes too slowly', async () => {
    const clock = new FakeClock();
    const { arrived, routes } = arrivals();
    await open({ clock, routes });
    const slow = test.connect();
    slow.write('POST /test HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n123');
    await arrived.reach(1);
    await clock.advance(LIMITS.httpRequestMs * 1e6 + 10e9);
    expect(await text(slow)).toMatch(/^HTTP\/1\.1 408 [\s\S]*{"error":"Request Timeout"}$/);
  });

  it('may take longer the larger it is', async () => {
    const clock = new FakeClock();
    const { arrived, routes } = arrivals();
    await open({ clock, routes });
    const seconds = 16;
    const length = seconds * LIMITS.httpBytesPerSecondMin;
    const slow = test.connect();
    slow.write(
      `POST /test HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${length + 1}\r\n\r\n`,
    );
    await new Promise((resolve) => slow.write(Buffer.alloc(length), resolve));
    await arrived.reach(1);
    // The server reads a part of what has come in each of its turns.
    for (let turn = 0; turn < 2 * seconds; turn++) await test.ask('POST', '/test', 'x');
    await clock.advance(LIMITS.httpRequestMs * 1e6 + (seconds - 10) * 1e9);
    slow.write('x');
    expect((await text(slow)).length).toBeGreaterThan(length);
  });

  it('is cut when it was answered long ago', async () => {
    const clock = new FakeClock();
    await open({ clock });
    const slow = test.connect();
    slow.write('POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n');
    await once(slow, 'data');
    const ended = once(slow, 'close');
    await clock.advance(LIMITS.httpRequestMs * 1e6 + 10e9);
    await ended;
  });
});
