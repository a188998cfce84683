import { describe, expect, it } from 'vitest';
import { NO_METRICS } from '#naiad/model-config/model-metrics.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { DEFAULT_METERING, type MeteringSettings } from '#naiad/settings/metering-settings.js';
import { expositionOf } from '#naiad/telemetry/exposition.js';
import { Meters } from '#naiad/telemetry/meters.js';
import type { ModelMeter } from '#naiad/telemetry/model-meter.js';
import { naiadFamilies } from '#naiad/telemetry/naiad-families.js';
import { type MeteredModel, type QueueStatus, tritonFamilies } from '#naiad/telemetry/triton-families.js';
import { readPage, seriesOf } from '../support/metrics-page.js';

const MS_NS = 1e6;
const NOTHING_WAITS: QueueStatus = {
  requests: 0,
  rows: 0,
  bytes: 0,
  oldestNs: Number.POSITIVE_INFINITY,
  handedOver: 0,
};

const metering = (changed: Partial<MeteringSettings> = {}): MeteringSettings => ({
  ...DEFAULT_METERING,
  ...changed,
});

const served = (meter: ModelMeter, queue: Partial<QueueStatus> = {}): MeteredModel => ({
  meter,
  queue: { ...NOTHING_WAITS, ...queue },
});

function pageOf(meters: Meters, models: readonly MeteredModel[], nowNs = 0): Promise<string> {
  return expositionOf([...tritonFamilies(models, meters, nowNs), ...naiadFamilies(models, nowNs)]);
}

/** A request of `rows` rows: 1 ms on its way, 2 in the queue, 3 in, 40 inferring, 5 out, 1 on its way back. */
function answer(meter: ModelMeter, rows = 1): void {
  const receivedNs = 1e12;
  const timings = {
    received: receivedNs,
    queueStart: receivedNs + MS_NS,
    computeStart: receivedNs + 3 * MS_NS,
    computeInputEnd: receivedNs + 6 * MS_NS,
    computeOutputStart: receivedNs + 46 * MS_NS,
    computeEnd: receivedNs + 51 * MS_NS,
  };
  meter.succeeded(timings, rows, receivedNs + 52 * MS_NS);
}

describe('a model that has been loaded', () => {
  it('has every series from the start', async () => {
    const meters = new Meters(metering({ histogramLatencies: true }));
    const meter = meters.open('m', 3, NO_METRICS, null);
    const values = seriesOf(await pageOf(meters, [served(meter)]));
    expect(Object.values(values).filter((value) => value !== 0)).toEqual([]);
    expect(Object.keys(values).filter((series) => series.startsWith('nv_'))).toEqual([
      'nv_inference_request_success{model="m",version="3"}',
      'nv_inference_request_failure{model="m",reason="OTHER",version="3"}',
      'nv_inference_request_failure{model="m",reason="CANCELED",version="3"}',
      'nv_inference_request_failure{model="m",reason="BACKEND",version="3"}',
      'nv_inference_request_failure{model="m",reason="REJECTED",version="3"}',
      'nv_inference_count{model="m",version="3"}',
      'nv_inference_exec_count{model="m",version="3"}',
      'nv_inference_request_duration_us{model="m",version="3"}',
      'nv_inference_queue_duration_us{model="m",version="3"}',
      'nv_inference_compute_input_duration_us{model="m",version="3"}',
      'nv_inference_compute_infer_duration_us{model="m",version="3"}',
      'nv_inference_compute_output_duration_us{model="m",version="3"}',
      'nv_inference_pending_request_count{model="m",version="3"}',
      ...['_count', '_sum'].map(
        (part) => `nv_inference_first_response_histogram_ms${part}{model="m",version="3"}`,
      ),
      ...['100', '500', '2000', '5000', '+Inf'].map(
        (le) => `nv_inference_first_response_histogram_ms_bucket{model="m",version="3",le="${le}"}`,
      ),
    ]);
  });

  it('carries its tags, in the order of the alphabet with the other labels', async () => {
    const meters = new Meters(metering());
    const tags = [['Zone', 'x'] as const, ['team', 'a"b'] as const];
    const meter = meters.open('m', 1, { tags, buckets: new Map() }, null);
    meter.failed('REJECTED');
    const text = await pageOf(meters, [served(meter)]);
    expect(text).toContain('nv_inference_count{_Zone="x",_team="a\\"b",model="m",version="1"} 0\n');
    expect(text).toContain(
      'nv_inference_request_failure{_Zone="x",_team="a\\"b",model="m",reason="REJECTED",version="1"} 1\n',
    );
  });
});

describe('a request', () => {
  it('counts once for itself, once for each row, and its time in every stage', async () => {
    const meters = new Meters(metering());
    const meter = meters.open('m', 1, NO_METRICS, null);
    answer(meter, 4);
    answer(meter, 0);
    meter.batchExecuted(4);
    meter.loadSeconds = 1.5;
    const values = seriesOf(await pageOf(meters, [served(meter)]));
    const of = (name: string) => values[`nv_${name}{model="m",version="1"}`];
    expect({
      success: of('inference_request_success'),
      count: of('inference_count'),
      executions: of('inference_exec_count'),
      request: of('inference_request_duration_us'),
      queue: of('inference_queue_duration_us'),
      input: of('inference_compute_input_duration_us'),
      infer: of('inference_compute_infer_duration_us'),
      output: of('inference_compute_output_duration_us'),
      load: of('model_load_duration_secs'),
    }).toEqual({
      success: 2,
      count: 5,
      executions: 1,
      request: 104_000,
      queue: 4000,
      input: 6000,
      infer: 80_000,
      output: 10_000,
      load: 1.5,
    });
    const bucket = (stage: string, le: string) =>
      values[`naiad_inference_${stage}_bucket{model="m",version="1",le="${le}"}`];
    expect([bucket('duration_seconds', '0.05'), bucket('duration_seconds', '0.1')]).toEqual([0, 2]);
    expect([bucket('queue_seconds', '0.001'), bucket('queue_seconds', '0.002')]).toEqual([0, 2]);
    expect([bucket('compute_seconds', '0.02'), bucket('compute_seconds', '0.05')]).toEqual([0, 2]);
    expect([bucket('batch_rows', '2'), bucket('batch_rows', '4')]).toEqual([0, 1]);
    expect(values['naiad_inference_compute_seconds_sum{model="m",version="1"}']).toBeCloseTo(0.096);
  });

  it('that came first is told in whole milliseconds', async () => {
    const meters = new Meters(metering({ histogramLatencies: true }));
    const meter = meters.open('m', 1, NO_METRICS, null);
    for (const ms of [100.9, 101, 5000, 6000.5]) meter.firstResponded(0, ms * MS_NS);
    const values = seriesOf(await pageOf(meters, [served(meter)]));
    const buckets = ['100', '500', '2000', '5000', '+Inf'].map(
      (le) => values[`nv_inference_first_response_histogram_ms_bucket{model="m",version="1",le="${le}"}`],
    );
    expect(buckets).toEqual([1, 2, 2, 3, 4]);
    expect(values['nv_inference_first_response_histogram_ms_sum{model="m",version="1"}']).toBe(11_201);
  });

  it('that waits is told with its rows, its bytes and how long', async () => {
    const meters = new Meters(metering());
    const meter = meters.open('m', 1, NO_METRICS, null);
    const queue = { requests: 3, rows: 5, bytes: 320, oldestNs: 1e9, handedOver: 2 };
    const values = seriesOf(await pageOf(meters, [served(meter, queue)], 3.5e9));
    const of = (name: string) => values[`${name}{model="m",version="1"}`];
    expect([of('nv_inference_pending_request_count'), of('naiad_queue_requests')]).toEqual([5, 3]);
    expect([of('naiad_queue_rows'), of('naiad_queue_bytes'), of('naiad_queue_oldest_seconds')]).toEqual([
      5, 320, 2.5,
    ]);
  });
});

describe('what is asked for', () => {
  it('are no sums of durations: they are not there, the counts are', async () => {
    const meters = new Meters(metering({ counterLatencies: false }));
    const meter = meters.open('m', 1, NO_METRICS, null);
    answer(meter);
    const values = seriesOf(await pageOf(meters, [served(meter)]));
    expect(Object.keys(values).filter((series) => series.includes('_duration_us'))).toEqual([]);
    expect(values['nv_inference_request_success{model="m",version="1"}']).toBe(1);
  });

  it('are summaries', async () => {
    const meters = new Meters(metering({ summaryLatencies: true, summaryQuantiles: [0.5, 0.99] }));
    const meter = meters.open('m', 1, NO_METRICS, null);
    const empty = await pageOf(meters, [served(meter)]);
    expect(empty).toContain('nv_inference_queue_summary_us{model="m",version="1",quantile="0.5"} NaN\n');
    answer(meter);
    const page = readPage(await pageOf(meters, [served(meter)], 1e12));
    const summaries = Object.entries(page).filter(([, { type }]) => type === 'summary');
    const us = {
      request: 52_000,
      queue: 2000,
      compute_input: 3000,
      compute_infer: 40_000,
      compute_output: 5000,
    };
    expect(summaries.map(([name]) => name)).toEqual(
      Object.keys(us).map((stage) => `nv_inference_${stage}_summary_us`),
    );
    Object.values(us).forEach((expected, index) => {
      const [name = '', { values = {} } = {}] = summaries[index] ?? [];
      const of = (suffix: string, more = '') => values[`${name}${suffix}{model="m",version="1"${more}}`];
      expect([of('_count'), of('_sum')]).toEqual([1, expected]);
      for (const quantile of [0.5, 0.99]) {
        const value = of('', `,quantile="${quantile}"`) ?? 0;
        expect(Math.abs(value / expected - 1)).toBeLessThan(0.016);
      }
    });
  });

  it('are no histograms of stages', async () => {
    const meters = new Meters(metering({ stageHistograms: false }));
    const meter = meters.open('m', 1, NO_METRICS, null);
    answer(meter);
    meter.batchExecuted(1);
    expect(await pageOf(meters, [served(meter)])).not.toContain('histogram');
  });

  it('are other buckets for one model', async () => {
    const meters = new Meters(metering({ histogramLatencies: true }));
    const buckets = new Map([
      ['nv_inference_first_response_histogram_ms', [-1, 0, 1, 2.5]],
      ['naiad_inference_queue_seconds', [0.5]],
    ]);
    const meter = meters.open('m', 1, { tags: [], buckets }, null);
    const series = Object.keys(seriesOf(await pageOf(meters, [served(meter)])));
    const bounds = (name: string) =>
      series.flatMap((text) => (text.startsWith(`${name}_bucket`) ? [/le="(.*)"/.exec(text)?.[1]] : []));
    expect(bounds('nv_inference_first_response_histogram_ms')).toEqual(['-1', '0', '1', '2.5', '+Inf']);
    expect(bounds('naiad_inference_queue_seconds')).toEqual(['0.5', '+Inf']);
  });
});

describe('a reload', () => {
  it('goes on counting while the version is served', () => {
    const meters = new Meters(metering());
    const meter = meters.open('m', 1, NO_METRICS, null);
    expect(meters.open('m', 1, NO_METRICS, meter)).toBe(meter);
  });

  it('begins anew where labels or buckets have changed', () => {
    const meters = new Meters(metering());
    const meter = meters.open('m', 1, NO_METRICS, null);
    const tagged = meters.open('m', 1, { tags: [['a', 'b']], buckets: new Map() }, meter);
    const bucketed = { tags: [], buckets: new Map([['naiad_inference_batch_rows', [1]]]) };
    expect(new Set([meter, tagged, meters.open('m', 1, bucketed, meter)]).size).toBe(3);
  });

  it('after an unload begins anew, but for failures, which were told all the while', async () => {
    const meters = new Meters(metering());
    const before = meters.open('m', 1, NO_METRICS, null);
    answer(before);
    before.failed('CANCELED');
    const failure = 'nv_inference_request_failure{model="m",reason="CANCELED",version="1"}';
    const gone = seriesOf(await pageOf(meters, []));
    expect(Object.keys(gone)).toHaveLength(4);
    expect(gone[failure]).toBe(1);
    const after = meters.open('m', 1, NO_METRICS, null);
    after.failed('CANCELED');
    const values = seriesOf(await pageOf(meters, [served(after)]));
    expect([values[failure], values['nv_inference_request_success{model="m",version="1"}']]).toEqual([2, 0]);
  });

  it('of ever other models leaves no more behind than there is room for', async () => {
    const meters = new Meters(metering({ stageHistograms: false }));
    const kept = meters.open('kept', 1, NO_METRICS, null);
    for (let model = 0; model < LIMITS.metersMax + 10; model++) meters.open(`m${model}`, 1, NO_METRICS, null);
    const failures =
      readPage(await pageOf(meters, [served(kept)])).nv_inference_request_failure?.values ?? {};
    expect(Object.keys(failures).length).toBe(4 * (LIMITS.metersMax + 1));
    expect(Object.keys(failures).some((series) => series.includes('"kept"'))).toBe(true);
  });
});
