import { writeFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_METERING } from '#naiad/settings/metering-settings.js';
import type { TestCallOptions } from '../support/client.js';
import { identityRequest, int32 } from '../support/messages.js';
import { readPage, scrape, seriesOf } from '../support/metrics-page.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer, testLifecycle } from '../support/server.js';
import { StreamClient } from '../support/stream-client.js';

const TAGGED = `
metric_tags { key: "team" value: "a\\"b" }
model_metrics { metric_control: [ {
  metric_identifier: { family: "nv_inference_first_response_histogram_ms" }
  histogram_options: { buckets: [ -1, 0.0, 1, 2.5, 60000 ] }
} ] }`;

/** Nothing runs before four rows are there. */
const GATHERING = `
dynamic_batching {
  preferred_batch_size: [ 4 ]
  max_queue_delay_microseconds: 600000000
  default_queue_policy { max_queue_size: 2 allow_timeout_override: true }
}
instance_group { kind: KIND_CPU count: 1 }`;

const REPEAT = `
backend: "repeat"
model_transaction_policy { decoupled: true }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]`;

let repository: TestRepository;
let server: TestServer;

beforeAll(async () => {
  repository = new TestRepository({
    ...identityModel('tagged', identityConfig({}, TAGGED)),
    ...identityModel('gathering', identityConfig({}, GATHERING)),
    ...identityModel('failing', identityConfig({ fault: 'error' })),
    ...identityModel('reloaded', identityConfig()),
    ...identityModel('repeat', REPEAT),
  });
  server = await startTestServer({
    modelRepositories: [repository.directory],
    lifecycle: testLifecycle({ controlMode: 'explicit', loadModels: null }),
    metrics: { enabled: true, address: '127.0.0.1', port: 0 },
    metering: { ...DEFAULT_METERING, histogramLatencies: true, summaryLatencies: true, intervalMs: 1 },
  });
});

afterAll(async () => {
  await server.stop();
  repository.remove();
});

const page = () => scrape(server.server.metricsPort);
const values = async () => seriesOf(await page());

/** Values of families of one model by name; labels are those of a model without tags. */
async function of(model: string, ...names: string[]): Promise<(number | undefined)[]> {
  const all = await values();
  return names.map((name) => all[`${name}{model="${model}",version="1"}`]);
}

/** Failures of a model: other, cancelled, in the backend, rejected. */
async function failures(model: string): Promise<(number | undefined)[]> {
  const all = await values();
  return ['OTHER', 'CANCELED', 'BACKEND', 'REJECTED'].map(
    (reason) => all[`nv_inference_request_failure{model="${model}",reason="${reason}",version="1"}`],
  );
}

async function refusals(model: string): Promise<Record<string, number>> {
  const { values } = readPage(await page()).naiad_inference_refused_total ?? {};
  const found: Record<string, number> = {};
  for (const [series, value] of Object.entries(values ?? {})) {
    const reason = /reason="(\w+)"/.exec(series)?.[1] ?? '';
    if (series.includes(`model="${model}"`) && value > 0) found[reason] = value;
  }
  return found;
}

/** Waits until requests of a model are queued. */
async function queued(model: string, count: number): Promise<void> {
  while ((await of(model, 'naiad_queue_requests'))[0] !== count) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function codeOf(answer: Promise<unknown>): Promise<number> {
  try {
    await answer;
    return status.OK;
  } catch (error) {
    return (error as { code: number }).code;
  }
}

const infer = (model: string, rows = 1, extra = {}, options: TestCallOptions = {}) =>
  server.client.infer(
    identityRequest(
      model,
      Array.from({ length: rows }, (_, row) => row),
      extra,
    ),
    options,
  );

describe('requests that are answered', () => {
  it('count, with their rows, their times and the labels of their model', async () => {
    const before = await values();
    for (const rows of [1, 3, 8]) await infer('tagged', rows);
    const after = await values();
    const labels = '_team="a\\"b",model="tagged",version="1"';
    const grown = (name: string, more = '') => {
      const series = `${name}{${labels}${more}}`;
      return (after[series] ?? Number.NaN) - (before[series] ?? Number.NaN);
    };
    expect({
      success: grown('nv_inference_request_success'),
      count: grown('nv_inference_count'),
      executions: grown('nv_inference_exec_count'),
      batches: grown('naiad_inference_batch_rows_count'),
      rows: grown('naiad_inference_batch_rows_sum'),
      ones: grown('naiad_inference_batch_rows_bucket', ',le="1"'),
      total: grown('naiad_inference_duration_seconds_count'),
      queue: grown('naiad_inference_queue_seconds_count'),
      compute: grown('naiad_inference_compute_seconds_count'),
      first: grown('nv_inference_first_response_histogram_ms_count'),
      within: grown('nv_inference_first_response_histogram_ms_bucket', ',le="60000"'),
      never: grown('nv_inference_first_response_histogram_ms_bucket', ',le="-1"'),
      summary: grown('nv_inference_request_summary_us_count'),
    }).toEqual({
      success: 3,
      count: 12,
      executions: 3,
      batches: 3,
      rows: 12,
      ones: 1,
      total: 3,
      queue: 3,
      compute: 3,
      first: 3,
      within: 3,
      never: 0,
      summary: 3,
    });
    const request = grown('nv_inference_request_duration_us');
    const parts = ['queue', 'compute_input', 'compute_infer', 'compute_output'].map((stage) =>
      grown(`nv_inference_${stage}_duration_us`),
    );
    expect(parts.every((part) => part >= 0)).toBe(true);
    expect(request).toBeGreaterThan(0);
    // Each is rounded down.
    expect(parts.reduce((sum, part) => sum + part)).toBeLessThanOrEqual(request + parts.length);
    expect(grown('naiad_inference_duration_seconds_sum') * 1e6).toBeGreaterThan(request - 2);
    expect(after[`nv_inference_request_summary_us{${labels},quantile="0.5"}`]).toBeGreaterThan(0);
  });

  it('several times count once, and their first answer', async () => {
    const streams = new StreamClient(server.server.grpcPort ?? 0);
    const { code } = await streams.exchange([
      {
        model_name: 'repeat',
        inputs: [
          { name: 'IN', datatype: 'INT32', shape: [3] },
          { name: 'DELAY', datatype: 'UINT32', shape: [3] },
          { name: 'WAIT', datatype: 'UINT32', shape: [1] },
        ],
        raw_input_contents: [int32(1, 2, 3), int32(0, 0, 0), int32(0)],
      },
    ]);
    streams.close();
    expect(code).toBe('OK');
    expect(
      await of(
        'repeat',
        'nv_inference_request_success',
        'nv_inference_count',
        'nv_inference_exec_count',
        'nv_inference_first_response_histogram_ms_count',
      ),
    ).toEqual([1, 1, 1, 1]);
  });
});

describe('requests that fail', () => {
  it('in the backend are told so', async () => {
    expect(await failures('failing')).toEqual([0, 0, 0, 0]);
    expect(await codeOf(infer('failing'))).toBe(status.INTERNAL);
    expect(await failures('failing')).toEqual([0, 0, 1, 0]);
    expect(await of('failing', 'nv_inference_request_success', 'nv_inference_count')).toEqual([0, 0]);
  });

  it('in the queue are told by why, but not those that found it full; what waits is told', async () => {
    const cancelled = server.client.start('ModelInfer', identityRequest('gathering', [1]));
    const isCancelled = codeOf(cancelled.answer);
    const waiting = infer('gathering', 1);
    await queued('gathering', 2);
    expect(await codeOf(infer('gathering', 1))).toBe(status.UNAVAILABLE);
    expect(
      await of('gathering', 'nv_inference_pending_request_count', 'naiad_queue_rows', 'naiad_queue_bytes'),
    ).toEqual([2, 2, 8]);
    expect((await of('gathering', 'naiad_queue_oldest_seconds'))[0]).toBeGreaterThan(0);
    expect((await values()).naiad_requests_in_flight).toBe(2);

    cancelled.cancel();
    expect(await isCancelled).toBe(status.CANCELLED);
    await queued('gathering', 1);
    expect(await failures('gathering')).toEqual([0, 1, 0, 0]);

    const impatient = infer('gathering', 1, { parameters: { timeout: { int64_param: 1000 } } });
    expect(await codeOf(impatient)).toBe(status.UNAVAILABLE);
    expect(await failures('gathering')).toEqual([0, 1, 0, 1]);
    expect(await refusals('gathering')).toEqual({ QUEUE_FULL: 1, QUEUE_TIMEOUT: 1 });

    await Promise.all([waiting, infer('gathering', 3)]);
    expect(
      await of(
        'gathering',
        'nv_inference_request_success',
        'nv_inference_count',
        'nv_inference_exec_count',
        'nv_inference_pending_request_count',
        'naiad_queue_oldest_seconds',
      ),
    ).toEqual([2, 4, 1, 0, 0]);
  });

  it('before they are queued are no failures of the model, and counted beside', async () => {
    expect(await codeOf(infer('tagged', 9))).toBe(status.INVALID_ARGUMENT);
    expect(await refusals('tagged')).toEqual({ INVALID_ARGUMENT: 1 });
    const unknown = 'naiad_refused_total{reason="NOT_FOUND"}';
    const before = (await values())[unknown] ?? Number.NaN;
    expect(await codeOf(infer('nope'))).toBe(status.NOT_FOUND);
    expect((await values())[unknown]).toBe(before + 1);
    const failed = Object.entries(readPage(await page()).nv_inference_request_failure?.values ?? {});
    expect(failed.filter(([series, value]) => series.includes('"tagged"') && value !== 0)).toEqual([]);
  });
});

describe('a model', () => {
  const counters = () => of('reloaded', 'nv_inference_request_success', 'nv_model_load_duration_secs');

  it('that is loaded anew goes on counting; unloaded it is gone but for its failures', async () => {
    const { client } = server;
    await infer('reloaded');
    const [success, loadSeconds] = await counters();
    expect(success).toBe(1);
    expect(loadSeconds).toBeGreaterThan(0);

    const config = repository.path('reloaded/config.pbtxt');
    writeFileSync(config, identityConfig({ execute_delay_ms: '1' }));
    await client.call('RepositoryModelLoad', { model_name: 'reloaded' });
    await infer('reloaded');
    const [both, newLoadSeconds] = await counters();
    expect([both, newLoadSeconds !== loadSeconds]).toEqual([2, true]);

    // What is counted by the protocol begins with each load.
    const { model_stats } = await client.call('ModelStatistics', { name: 'reloaded' });
    expect(model_stats).toMatchObject([{ inference_count: '1' }]);

    writeFileSync(config, identityConfig({ fault: 'error' }));
    await client.call('RepositoryModelLoad', { model_name: 'reloaded' });
    await codeOf(infer('reloaded'));
    const busy = (await values()).naiad_lane_busy_seconds_total;
    await client.call('RepositoryModelUnload', { model_name: 'reloaded' });
    // Its lanes are gone, not what they did.
    expect((await values()).naiad_lane_busy_seconds_total).toBeGreaterThanOrEqual(busy ?? Number.NaN);
    expect(await counters()).toEqual([undefined, undefined]);
    expect(await failures('reloaded')).toEqual([0, 0, 1, 0]);

    writeFileSync(config, identityConfig());
    await client.call('RepositoryModelLoad', { model_name: 'reloaded' });
    expect((await counters())[0]).toBe(0);
    expect(await failures('reloaded')).toEqual([0, 0, 1, 0]);
  });
});

it('the machine, the lanes and the process are told', async () => {
  const all = await values();
  expect(all.nv_cpu_utilization).toBeGreaterThanOrEqual(0);
  expect(all.nv_cpu_utilization).toBeLessThanOrEqual(1);
  expect(all.nv_cpu_memory_used_bytes).toBeGreaterThan(0);
  expect(all.nv_cpu_memory_total_bytes).toBeGreaterThan(all.nv_cpu_memory_used_bytes ?? 0);
  expect(all.naiad_lanes).toBe(server.server.status().lanes.lanes.length);
  expect(all.naiad_lane_busy_seconds_total).toBeGreaterThan(0);
  expect(all.naiad_lane_busy_ratio).toBeLessThanOrEqual(1);
  expect(all.process_resident_memory_bytes).toBeGreaterThan(0);
  expect(all.nodejs_eventloop_lag_p99_seconds).toBeGreaterThanOrEqual(0);
});
