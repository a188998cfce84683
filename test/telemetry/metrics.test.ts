import { describe, expect, it } from 'vitest';
import { Metrics } from '#naiad/telemetry/metrics.js';
import { type PageFamily, readPage } from '../support/metrics-page.js';

/** The families of a page, their values by their labels, `''` without. */
async function families(metrics: Metrics): Promise<Record<string, PageFamily>> {
  const page = readPage(await metrics.text());
  const bare = (series: string): string => /\{(.*)\}/.exec(series)?.[1] ?? '';
  return Object.fromEntries(
    Object.entries(page).map(([name, family]) => [
      name,
      {
        ...family,
        values: Object.fromEntries(
          Object.entries(family.values).map(([series, value]) => [bare(series), value]),
        ),
      },
    ]),
  );
}

async function valuesOf(metrics: Metrics, name: string): Promise<Readonly<Record<string, number>>> {
  return (await families(metrics))[name]?.values ?? {};
}

/** All series that carry labels of models. */
async function modelSeries(metrics: Metrics): Promise<string[]> {
  return Object.entries(await families(metrics)).flatMap(([name, { values }]) =>
    Object.keys(values)
      .filter((labels) => labels.includes('model='))
      .map((labels) => `${name}{${labels}}`),
  );
}

describe('loads', () => {
  it('are counted by how they ended, failures from 0', async () => {
    const metrics = new Metrics();
    metrics.loaded('m', 3, 1.5, false);
    metrics.loaded('m', 3, 0.5, false);
    metrics.loaded('m', 3, 0.01, true);
    metrics.loadFailed('other', 1);
    expect(await valuesOf(metrics, 'naiad_model_loads_total')).toEqual({
      'model="m",version="3",outcome="loaded"': 2,
      'model="m",version="3",outcome="updated"': 1,
      'model="m",version="3",outcome="failed"': 0,
      'model="other",version="1",outcome="failed"': 1,
    });
  });

  it('leave the time of the last one that was successful', async () => {
    const metrics = new Metrics();
    metrics.loaded('m', 3, 1.5, false);
    metrics.loaded('m', 3, 0.01, true);
    metrics.loadFailed('m', 3);
    metrics.loadFailed('m', 4);
    expect(await valuesOf(metrics, 'naiad_model_load_seconds')).toEqual({ 'model="m",version="3"': 1.5 });
  });

  it.each([
    ['loaded', false],
    ['updated', true],
  ])('that fail say so until the version is %s', async (_, updated) => {
    const metrics = new Metrics();
    const failing = () => valuesOf(metrics, 'naiad_model_load_failing');
    metrics.loadFailed('m', 3);
    expect(await failing()).toEqual({ 'model="m",version="3"': 1 });
    metrics.loaded('m', 3, 1, updated);
    expect(await failing()).toEqual({ 'model="m",version="3"': 0 });
  });
});

describe('state', () => {
  it('of versions is their readiness', async () => {
    const metrics = new Metrics();
    metrics.ready('m', 1, true);
    metrics.ready('m', 2, true);
    metrics.ready('m', 2, false);
    metrics.loadFailed('m', 3);
    expect(await valuesOf(metrics, 'naiad_model_ready')).toEqual({
      'model="m",version="1"': 1,
      'model="m",version="2"': 0,
      'model="m",version="3"': 0,
    });
  });

  it('of a model is whether its folder can be used', async () => {
    const metrics = new Metrics();
    metrics.rejected('a', true);
    metrics.rejected('b', true);
    metrics.rejected('b', false);
    metrics.ready('c', 1, true);
    expect(await valuesOf(metrics, 'naiad_model_rejected')).toEqual({
      'model="a"': 1,
      'model="b"': 0,
      'model="c"': 0,
    });
  });
});

describe('what is said of a version', () => {
  it('begins with its first load and ends with its unload, whatever is told of its readiness', async () => {
    const metrics = new Metrics();
    metrics.ready('m', 1, false);
    expect([await modelSeries(metrics), metrics.versions('m')]).toEqual([[], []]);
    metrics.loaded('m', 1, 1, false);
    metrics.ready('m', 1, true);
    expect(metrics.versions('m')).toEqual([1]);
    metrics.ready('m', 1, false);
    expect(await valuesOf(metrics, 'naiad_model_ready')).toEqual({ 'model="m",version="1"': 0 });
    metrics.unloaded('m', 1);
    metrics.ready('m', 1, false);
    expect([await valuesOf(metrics, 'naiad_model_ready'), metrics.versions('m')]).toEqual([{}, []]);
  });

  it('against it is taken back when something else is wanted', async () => {
    const metrics = new Metrics();
    for (const version of [1, 2]) metrics.loadFailed('m', version);
    metrics.loadFailed('other', 1);
    metrics.cleared('m');
    metrics.cleared('never heard of');
    expect(await valuesOf(metrics, 'naiad_model_load_failing')).toEqual({
      'model="m",version="1"': 0,
      'model="m",version="2"': 0,
      'model="other",version="1"': 1,
    });
    expect(
      (await valuesOf(metrics, 'naiad_model_loads_total'))['model="m",version="1",outcome="failed"'],
    ).toBe(1);
  });
});

describe('what goes', () => {
  it('takes the series of its version along', async () => {
    const metrics = new Metrics();
    for (const version of [1, 2]) {
      metrics.loaded('m', version, 1, false);
      metrics.ready('m', version, true);
    }
    metrics.ready('m', 1, false);
    metrics.unloaded('m', 1);
    expect((await modelSeries(metrics)).filter((series) => series.includes('version="1"'))).toEqual([]);
    expect(await valuesOf(metrics, 'naiad_model_ready')).toEqual({ 'model="m",version="2"': 1 });
    expect(await valuesOf(metrics, 'naiad_model_unloads_total')).toEqual({ 'model="m"': 1 });
  });

  it('leaves them when another content of the version is served', async () => {
    const metrics = new Metrics();
    metrics.loaded('m', 1, 1, false);
    metrics.ready('m', 1, true);
    metrics.loaded('m', 1, 2, false);
    metrics.unloaded('m', 1);
    expect(await valuesOf(metrics, 'naiad_model_ready')).toEqual({ 'model="m",version="1"': 1 });
    expect(await valuesOf(metrics, 'naiad_model_load_seconds')).toEqual({ 'model="m",version="1"': 2 });
  });

  it('is forgotten: a version that never came to life, a whole model', async () => {
    const metrics = new Metrics();
    metrics.loadFailed('a', 1);
    metrics.loadFailed('a', 2);
    metrics.rejected('b', true);
    metrics.loaded('b', 1, 1, false);
    metrics.unloaded('b', 1);
    metrics.forget('a', 1);
    expect((await modelSeries(metrics)).filter((series) => series.includes('version="1"'))).toEqual([]);
    expect(await valuesOf(metrics, 'naiad_model_load_failing')).toEqual({ 'model="a",version="2"': 1 });
    for (const model of ['a', 'b', 'never heard of']) metrics.forget(model);
    expect(await modelSeries(metrics)).toEqual([]);
  });

  it('is nothing that grows: a thousand versions one after the other', async () => {
    const metrics = new Metrics();
    for (let version = 1; version <= 1000; version++) {
      metrics.loaded('m', version, 1, false);
      metrics.ready('m', version, true);
      if (version === 1) continue;
      metrics.ready('m', version - 1, false);
      metrics.unloaded('m', version - 1);
    }
    expect(Object.keys(await valuesOf(metrics, 'naiad_model_ready'))).toEqual(['model="m",version="1000"']);
    expect((await modelSeries(metrics)).length).toBeLessThan(10);
  });
});

describe('scans', () => {
  it('are counted by how they ended, with the time of the last', async () => {
    const metrics = new Metrics();
    const scans = () => valuesOf(metrics, 'naiad_repository_scans_total');
    expect(await scans()).toEqual({ 'outcome="ok"': 0, 'outcome="failed"': 0 });
    metrics.scanned(0.2, true);
    metrics.scanned(0.1, true);
    metrics.scanned(0.3, false);
    expect(await scans()).toEqual({ 'outcome="ok"': 2, 'outcome="failed"': 1 });
    expect(await valuesOf(metrics, 'naiad_repository_scan_seconds')).toEqual({ '': 0.3 });
  });
});

describe('the text', () => {
  it('has the threads that were replaced as they are at that moment', async () => {
    let replaced = 2;
    const metrics = new Metrics({ laneThreadsReplaced: () => replaced });
    const value = async () => (await valuesOf(metrics, 'naiad_lane_threads_replaced_total'))[''];
    expect([await value(), await value()]).toEqual([2, 2]);
    replaced = 5;
    expect(await value()).toBe(5);
  });

  it('keeps any name of a model in its line', async () => {
    const metrics = new Metrics();
    metrics.rejected('a"b\\c\nd', true);
    expect(await metrics.text()).toContain('naiad_model_rejected{model="a\\"b\\\\c\\nd"} 1\n');
  });

  it('is made once for those who ask at the same time', async () => {
    let asked = 0;
    const metrics = new Metrics({ laneThreadsReplaced: () => ++asked });
    const texts = await Promise.all([metrics.text(), metrics.text(), metrics.text()]);
    expect([new Set(texts).size, asked]).toEqual([1, 1]);
    await metrics.text();
    expect(asked).toBe(2);
  });

  it('is written in pieces, between which the thread does other work', async () => {
    const metrics = new Metrics();
    for (let model = 0; model < 2000; model++) {
      metrics.loaded(`m${model}`, 1, 1, false);
      metrics.ready(`m${model}`, 1, true);
    }
    let done = false;
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    const text = await metrics.text();
    done = true;
    expect(turns).toBeGreaterThan(30);
    // Seven of each model, and what is said of all.
    expect(text.split('\n').filter((line) => line.includes('{model="m')).length).toBe(7 * 2000);
  });

  it('belongs to one server: another one starts from nothing', async () => {
    new Metrics().ready('m', 1, true);
    expect(await modelSeries(new Metrics())).toEqual([]);
  });
});
