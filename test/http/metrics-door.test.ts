import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpListener } from '#naiad/http/listener.js';
import { type MetricsDoorOptions, openMetricsDoor } from '#naiad/http/metrics-door.js';
import { Metrics } from '#naiad/telemetry/metrics.js';
import { RecordedLog } from '../support/recorded-log.js';

let door: HttpListener | null = null;
const log = new RecordedLog();

async function open(
  metrics: MetricsDoorOptions['metrics'],
  address = '127.0.0.1',
  port = 0,
): Promise<HttpListener> {
  door = await openMetricsDoor({ metrics, settings: { enabled: true, address, port }, log });
  return door;
}

afterEach(async () => {
  await door?.close(0);
  door = null;
  log.lines.length = 0;
});

async function ask(metrics: MetricsDoorOptions['metrics'], path: string, method = 'GET'): Promise<Response> {
  const { port } = await open(metrics);
  return fetch(`http://127.0.0.1:${port}${path}`, { method });
}

function someMetrics(): Metrics {
  const metrics = new Metrics();
  metrics.ready('größe', 1, true);
  return metrics;
}

describe('a scrape', () => {
  it.each(['/metrics', '/metrics?name=x'])('of %s gets the text of now', async (path) => {
    const metrics = someMetrics();
    const reply = await ask(metrics, path);
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await reply.text()).toBe(await metrics.text());
    metrics.ready('größe', 1, false);
    const later = await fetch(reply.url);
    expect(await later.text()).toContain('naiad_model_ready{model="größe",version="1"} 0\n');
  });

  it('by HEAD gets the length alone', async () => {
    const metrics = someMetrics();
    const reply = await ask(metrics, '/metrics', 'HEAD');
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-length')).toBe(String(Buffer.byteLength(await metrics.text())));
    expect(await reply.text()).toBe('');
  });

  it('shows nothing of a failure, which goes to the log', async () => {
    const failing = { contentType: 'text/plain', text: () => Promise.reject(new Error('secret')) };
    const reply = await ask(failing, '/metrics');
    expect(reply.status).toBe(500);
    expect(await reply.text()).not.toContain('secret');
    expect(log.messages('error')).toEqual(['metrics request failed']);
  });
});

describe('other requests', () => {
  it.each(['/', '/metrics/', '/metricsx', '/v2/health/ready'])('%s is not found', async (path) => {
    const reply = await ask(someMetrics(), path);
    expect([reply.status, await reply.text()]).toEqual([404, '{"error":"Not Found"}']);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not allowed', async (method) => {
    const reply = await ask(someMetrics(), '/metrics', method);
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('too large ones are refused', async () => {
    const { port } = await open(someMetrics());
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe('closing', () => {
  it('lets a scrape under way finish and then takes no more', async () => {
    const asked = deferred();
    const answer = deferred<string>();
    const { port, close } = await open({
      contentType: 'text/plain',
      text: () => {
        asked.resolve();
        return answer.promise;
      },
    });
    const scrape = fetch(`http://127.0.0.1:${port}/metrics`);
    await asked.promise;
    const closed = close(60_000);
    answer.resolve('last words');
    const reply = await scrape;
    expect([await reply.text(), reply.headers.get('connection')]).toEqual(['last words', 'close']);
    await closed;
    door = null;
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('cuts one that does not end when the grace is over', async () => {
    const asked = deferred();
    const { port, close } = await open({
      contentType: 'text/plain',
      text: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const scrape = fetch(`http://127.0.0.1:${port}/metrics`).then(String, () => 'cut');
    await asked.promise;
    await close(20);
    door = null;
    expect(await scrape).toBe('cut');
  });
});

describe('an address that can not be used', () => {
  it('is told together with its flag', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(open(someMetrics(), '127.0.0.1', port)).rejects.toThrow(
      `metrics can't listen on 127.0.0.1:${port}: the port is in use; end the process that holds it or choose another with --metrics-port`,
    );
    other.close();
    await expect(open(someMetrics(), '203.0.113.1')).rejects.toThrow('choose another with --metrics-address');
  });
});

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function deferred<T = void>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
