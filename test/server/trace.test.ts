import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TRACE_SETTING, type TraceSettings } from '#naiad/settings/trace-settings.js';
import { ask } from '../http/harness.js';
import { simpleRequest } from '../support/messages.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import {
  BUNDLED_MODELS,
  startTestServer,
  type TestServer,
  testLifecycle,
  testSettings,
} from '../support/server.js';

let folder: string;
let server: TestServer | null = null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'naiad-test-'));
});

afterEach(async () => {
  await server?.stop();
  server = null;
  await rm(folder, { recursive: true });
});

/** Serves `simple` with these traces. */
async function serve(trace: Partial<TraceSettings>): Promise<TestServer> {
  const settings = testSettings();
  server = await startTestServer({
    modelRepositories: [resolve(BUNDLED_MODELS)],
    lifecycle: testLifecycle({ controlMode: 'explicit', loadModels: ['simple'] }),
    trace: { ...settings.trace, ...trace },
  });
  return server;
}

const ALWAYS = { ...DEFAULT_TRACE_SETTING, levels: ['TIMESTAMPS', 'TENSORS'], rate: 1 } as const;

describe('traces in a file', () => {
  it('tell the stages and tensors of a request in their order', async () => {
    const file = join(folder, 'traces');
    const { client, stop } = await serve({ file, initial: ALWAYS });
    await client.infer(simpleRequest(5, 1, { id: 'r7' }));
    await stop();
    server = null;
    const records = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>[];
    expect(records[0]).toEqual({ id: 1, model_name: 'simple', model_version: 1, request_id: 'r7' });
    const stages = records.flatMap(({ timestamps }) => (timestamps as { name: string; ns: number }[]) ?? []);
    expect(stages.map(({ name }) => name)).toEqual([
      'GRPC_WAITREAD_START',
      'GRPC_WAITREAD_END',
      'REQUEST_START',
      'QUEUE_START',
      'COMPUTE_START',
      'COMPUTE_INPUT_END',
      'COMPUTE_OUTPUT_START',
      'COMPUTE_END',
      'INFER_RESPONSE_COMPLETE',
      'REQUEST_END',
      'GRPC_SEND_START',
      'GRPC_SEND_END',
    ]);
    expect(stages.map(({ ns }) => ns)).toEqual(stages.map(({ ns }) => ns).toSorted((a, b) => a - b));
    const tensors = records.flatMap(({ activity, tensor }) =>
      activity === undefined ? [] : [[activity, tensor]],
    );
    expect(tensors).toEqual([
      ['TENSOR_QUEUE_INPUT', expect.objectContaining({ name: 'INPUT0', shape: '1,16', dtype: 'INT32' })],
      ['TENSOR_QUEUE_INPUT', expect.objectContaining({ name: 'INPUT1', data: Array(16).fill('1').join() })],
      ['TENSOR_BACKEND_OUTPUT', expect.objectContaining({ name: 'OUTPUT0' })],
      ['TENSOR_BACKEND_OUTPUT', expect.objectContaining({ name: 'OUTPUT1' })],
    ]);
  });

  it('tell large tensors, too, which are no longer here once a thread has them', async () => {
    const file = join(folder, 'traces');
    const repository = new TestRepository(identityModel('echo', identityConfig()));
    const trace = { ...testSettings().trace, file, initial: ALWAYS };
    try {
      server = await startTestServer({ modelRepositories: [repository.directory], trace });
      const data = Array.from({ length: 8192 }, (_, index) => index);
      const inputs = [{ name: 'INPUT0', datatype: 'FP32', shape: [1, data.length], data }];
      const path = '/v2/models/echo/infer';
      const { status: code } = await ask(
        server.server.httpPort ?? 0,
        'POST',
        path,
        JSON.stringify({ inputs }),
      );
      expect(code).toBe(200);
      expect(server.server.status().leases).toBe(0);
      await server.stop();
      server = null;
      const records = JSON.parse(await readFile(file, 'utf8')) as { tensor?: { data: string } }[];
      const texts = records.flatMap(({ tensor }) => tensor?.data ?? []);
      expect(texts).toEqual([data.join(), data.join()]);
    } finally {
      repository.remove();
    }
  });

  it('begin and end when a client says so', async () => {
    const file = join(folder, 'traces');
    const { client, stop } = await serve({ file });
    const set = (model_name: string, settings: Record<string, string[]>): Promise<unknown> =>
      client.call('TraceSetting', {
        model_name,
        settings: Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, { value }])),
      });
    await client.infer(simpleRequest(0, 1, { id: 'before' }));
    await set('simple', { trace_level: ['TIMESTAMPS'], trace_rate: ['1'] });
    await client.infer(simpleRequest(0, 1, { id: 'while' }));
    await set('simple', { trace_level: [] });
    await client.infer(simpleRequest(0, 1, { id: 'after' }));
    await expect(set('no_such', {})).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'Request for unknown model : no_such',
    });
    await stop();
    server = null;
    const records = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>[];
    expect(records.flatMap(({ request_id }) => request_id ?? [])).toEqual(['while']);
  });
});

/** The part of OTLP's messages that is looked at. */
const OTLP = protobuf
  .parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9; repeated Event events = 11; Status status = 15;
  }
  message Event { fixed64 time_unix_nano = 1; string name = 2; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; } }
  message Status { string message = 2; int32 code = 3; }
`)
  .root.lookupType('Request');

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly events: readonly { readonly name: string; readonly timeUnixNano: string }[];
  readonly status: { readonly message: string; readonly code: number };
}

/** A collector: takes what is posted to /v1/traces. */
class Collector {
  readonly spans: Span[] = [];
  readonly resources: unknown[] = [];
  readonly #server: Server = createServer(async (request, response) => {
    const message = OTLP.toObject(OTLP.decode(await buffer(request)), {
      longs: String,
      bytes: String,
      defaults: true,
    });
    for (const { resource, scopeSpans } of message.resourceSpans) {
      this.resources.push(resource.attributes);
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
    response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end();
  });

  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(() => done()));
  }
}

describe("OpenTelemetry's traces", () => {
  const settings = (url: string): Partial<TraceSettings> => ({
    mode: 'opentelemetry',
    initial: { ...DEFAULT_TRACE_SETTING, levels: ['TIMESTAMPS'], rate: 1_000_000 },
    collector: {
      url,
      resource: { 'service.name': 'here' },
      queueSpansMax: 2048,
      delayMs: 20,
      batchSpansMax: 512,
    },
  });
  const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');

  it("are part of the client's trace, which the collector gets as protobuf", async () => {
    const collector = new Collector();
    const { client, stop } = await serve(settings(await collector.listen()));
    try {
      const traceparent = `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01`;
      await client.infer(simpleRequest(5, 1, { id: 'r7' }), { metadata: { traceparent } });
      await client.infer(simpleRequest(5, 1, { id: 'untraced' }));
      await expect.poll(() => collector.spans.length).toBe(3);
    } finally {
      await stop();
      server = null;
      await collector.close();
    }
    const [request, model, compute] = ['InferRequest', 'simple', 'compute'].map((name) =>
      collector.spans.find((span) => span.name === name),
    );
    expect(collector.spans).toHaveLength(3);
    expect(collector.resources[0]).toContainEqual({
      key: 'service.name',
      value: expect.objectContaining({ stringValue: 'here' }),
    });
    expect(collector.spans.map(({ traceId }) => hex(traceId))).toEqual(Array(3).fill('a1'.repeat(16)));
    expect(hex(request?.parentSpanId ?? '')).toBe('b2'.repeat(8));
    expect(model?.parentSpanId).toBe(request?.spanId);
    expect(compute?.parentSpanId).toBe(model?.spanId);
    expect(model?.attributes.map(({ key }) => key)).toEqual([
      'triton.model_name',
      'triton.model_version',
      'triton.trace_id',
      'triton.trace_parent_id',
      'triton.request_id',
    ]);
    expect(compute?.events.map(({ name }) => name)).toEqual([
      'COMPUTE_START',
      'COMPUTE_INPUT_END',
      'COMPUTE_OUTPUT_START',
      'COMPUTE_END',
    ]);
    for (const { startTimeUnixNano, endTimeUnixNano } of collector.spans) {
      expect(BigInt(endTimeUnixNano)).toBeGreaterThan(BigInt(startTimeUnixNano));
      expect(Math.abs(Number(BigInt(startTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    }
  });

  it('that nobody takes hold nothing up', async () => {
    const { client, stop } = await serve(settings('http://127.0.0.1:9/v1/traces'));
    const traceparent = `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01`;
    await client.infer(simpleRequest(5, 1), { metadata: { traceparent } });
    await stop();
    server = null;
  });
});
