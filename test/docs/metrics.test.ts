import { expect, it } from 'vitest';
import { HISTOGRAM_FAMILIES, NO_METRICS } from '#naiad/model-config/model-metrics.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { DEFAULT_METERING } from '#naiad/settings/metering-settings.js';
import { Meters } from '#naiad/telemetry/meters.js';
import { Metrics } from '#naiad/telemetry/metrics.js';
import { HISTOGRAMS } from '#naiad/telemetry/model-meter.js';
import { MODEL_REFUSALS } from '#naiad/telemetry/naiad-families.js';
import { SERVER_REFUSALS, ServingFamilies } from '#naiad/telemetry/serving-families.js';
import { FakeClock } from '../support/fake-clock.js';
import { type PageFamily, readPage } from '../support/metrics-page.js';
import { grouped, readDoc, section, tableRows } from './markdown.js';

const DOC = readDoc('docs/metrics.md');

/** Everything that a server may tell, of one model that has been through everything. */
async function everySeries(): Promise<Record<string, PageFamily>> {
  const meters = new Meters({ ...DEFAULT_METERING, histogramLatencies: true, summaryLatencies: true });
  const meter = meters.open('m', 1, NO_METRICS, null);
  meter.loadSeconds = 1;
  const queue = { requests: 0, rows: 0, bytes: 0, oldestNs: Number.POSITIVE_INFINITY, handedOver: 0 };
  const serving = new ServingFamilies({
    clock: new FakeClock(),
    meters,
    models: () => [{ meter, queue }],
    lanes: () => ({ lanes: 1, busyNs: 0 }),
    requestsInFlight: () => 0,
  });
  const metrics = new Metrics({ families: () => serving.collect(), process: true });
  metrics.loaded('m', 1, 1, false);
  metrics.quantized('m', 1, true);
  metrics.scanned(1, true);
  return readPage(await metrics.text());
}

/** Names in backticks. */
const namesIn = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

const rows = tableRows(section(DOC, 'Series'));

it('has a row for every series, with its type and labels', async () => {
  const told = rows.map(([name, type, labels]) => ({
    name: namesIn(name)[0],
    type,
    labels: namesIn(labels),
  }));
  const series = Object.entries(await everySeries())
    .filter(([name]) => !/^(process|nodejs)_/.test(name))
    .map(([name, { type, values }]) => ({
      name,
      type,
      labels: [...(Object.keys(values)[0] ?? '').matchAll(/(\w+)=/g)].map((match) => match[1]),
    }));
  const byName = (a: { name: string | undefined }, b: { name: string | undefined }): number =>
    String(a.name).localeCompare(String(b.name));
  expect(told.toSorted(byName)).toEqual(series.toSorted(byName));
});

it("says of Triton's series whether they are the same or better, of others that they are its own", () => {
  for (const [name, , , verdict] of rows) {
    const isTritons = namesIn(name)[0]?.startsWith('nv_');
    expect([name, isTritons ? ['same', 'better'] : ['own']]).toEqual([
      name,
      expect.arrayContaining([verdict]),
    ]);
  }
});

it("names the rest of Triton's series, which are not there", async () => {
  const missing = tableRows(section(DOC, 'What Triton has and this server has not')).flatMap(([names]) =>
    namesIn(names),
  );
  expect(missing).toHaveLength(14);
  const there = Object.keys(await everySeries());
  expect(missing.filter((name) => there.includes(name) || !name.startsWith('nv_'))).toEqual([]);
});

it('follows the naming of Prometheus where names are its own', async () => {
  for (const [name, { type, help }] of Object.entries(await everySeries())) {
    expect(help, name).not.toBe('');
    if (!name.startsWith('naiad_')) continue;
    expect(name).toMatch(/^naiad_[a-z_]+$/);
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
  }
});

it('shows lines as they are', async () => {
  const { naiad_model_ready } = await everySeries();
  expect(DOC).toContain(`# HELP naiad_model_ready ${naiad_model_ready?.help}\n`);
  expect(DOC).toContain('naiad_model_ready{model="mobilenet",version="1"} 1\n');
});

it('names every reason of refusals', () => {
  const reasonsOf = (series: string) => {
    const row = rows.find(([name]) => name === `\`${series}\``);
    return namesIn(row?.[4])
      .filter((word) => /^[A-Z_]+$/.test(word))
      .sort();
  };
  expect(reasonsOf('naiad_inference_refused_total')).toEqual([...MODEL_REFUSALS]);
  expect(reasonsOf('naiad_refused_total')).toEqual([...SERVER_REFUSALS]);
});

it('has the buckets of every histogram', () => {
  const told = tableRows(section(DOC, 'Buckets')).flatMap(([names, buckets]) =>
    namesIn(names).map((name) => [name, (buckets ?? '').split(', ').map(Number)]),
  );
  expect(Object.fromEntries(told)).toEqual(HISTOGRAMS);
  expect(Object.keys(HISTOGRAMS)).toEqual([...HISTOGRAM_FAMILIES]);
});

it('has the numbers of the code', () => {
  expect(DOC).toContain(`of the last ${grouped(LIMITS.metersMax)}`);
});
