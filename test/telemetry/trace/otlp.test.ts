import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { newTimings } from '#naiad/inference/timings.js';
import { OtlpSink } from '#naiad/telemetry/trace/otlp.js';
import type { TracedRequest } from '#naiad/telemetry/trace/traced-request.js';
import { FakeClock } from '../../support/fake-clock.js';
import { RecordedLog } from '../../support/recorded-log.js';

const log = new RecordedLog();
let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

/** A sink, with a trace that waits for a collector which handles requests so. */
async function aSink(clock: FakeClock, handle: RequestListener): Promise<OtlpSink> {
  const server = createServer(handle);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stop = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(() => done()));
  };
  const settings = { resource: {}, queueSpansMax: 2048, delayMs: 2 ** 31 - 1, batchSpansMax: 512 };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  const sink = new OtlpSink({ ...settings, url }, clock, log);
  sink.write(A_TRACE);
  return sink;
}

const A_TRACE: TracedRequest = {
  id: 1,
  levels: ['TIMESTAMPS'],
  protocol: 'grpc',
  modelName: 'm',
  modelVersion: 1,
  requestId: '',
  context: null,
  timings: newTimings(1),
  endNs: 2,
  sentNs: 3,
  inputs: [],
  outputs: [],
  error: '',
};

it('sends what waits when it is closed', async () => {
  let requests = 0;
  const sink = await aSink(new FakeClock(), (request, response) => {
    requests++;
    request.resume().once('end', () => response.end());
  });
  await sink.close();
  expect(requests).toBe(1);
  expect(log.lines).toEqual([]);
});

it('tells when traces do not reach their collector', async () => {
  const sink = await aSink(new FakeClock(), (request, response) => {
    request.resume().once('end', () => response.writeHead(400).end());
  });
  await sink.close();
  expect(log.lines).toMatchObject([
    {
      level: 'warn',
      message: 'traces did not reach their collector',
      fields: { url: expect.stringMatching(/^http:\/\/127/) },
    },
  ]);
  log.lines.length = 0;
});

it('is closed although its collector never answers', async () => {
  const clock = new FakeClock();
  let isAsked = false;
  const sink = await aSink(clock, () => {
    isAsked = true;
  });
  const closed = sink.close();
  await expect.poll(() => isAsked).toBe(true);
  await clock.advance(2e9);
  await closed;
});
