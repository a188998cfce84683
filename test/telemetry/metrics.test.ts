import { describe, expect, it } from 'vitest';
import { Metrics } from '#naiad/telemetry/metrics.js';
import { codeOf, readDoc, section, tableRows } from '../docs/markdown.js';

interface Family {
  readonly type: string;
  readonly help: string;
  /** Values by their labels as the text has them, `''` without. */
  readonly values: Readonly<Record<string, number>>;
}

/** Prometheus' text, read line by line. */
async function families(metrics: Metrics): Promise<Record<string, Family>> {
  const found: Record<string, { type: string; help: string; values: Record<string, number> }> = {};
  for (const line of (await metrics.text()).split('\n')) {
    const comment = /^# (HELP|TYPE) (\w+) (.*)$/.exec(line);
    const sample = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = '', text = ''] = comment;
      found[name] ??= { type: '', help: '', values: {} };
      Object.assign(found[name], kind === 'HELP' ? { help: text } : { type: text });
    } else if (sample !== null) {
      const [, name = '', labels = '', value] = sample;
      const family = found[name];
      if (family === undefined) throw new Error(`'${name}' has no head`);
      family.values[labels] = Number(value);
    } else if (line !== '') throw new Error(`not understood: ${line}`);
  }
  return found;
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

describe('docs/metrics.md', () => {
  /** With every method called, so that each series shows its labels. */
  async function everySeries(): Promise<Record<string, Family>> {
    const metrics = new Metrics();
    metrics.loaded('m', 1, 1, false);
    metrics.quantized('m', 1, true);
    metrics.scanned(1, true);
    return families(metrics);
  }

  it('has a row for every series, with its type and labels', async () => {
    const rows = tableRows(section(readDoc('docs/metrics.md'), 'Series')).map(([name, type, labels]) => ({
      name: codeOf(name),
      type,
      labels: [...(labels ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]),
    }));
    const series = Object.entries(await everySeries()).map(([name, { type, values }]) => ({
      name,
      type,
      labels: [...(Object.keys(values)[0] ?? '').matchAll(/(\w+)=/g)].map((match) => match[1]),
    }));
    const byName = (a: { name: string | undefined }, b: { name: string | undefined }): number =>
      String(a.name).localeCompare(String(b.name));
    expect(rows.toSorted(byName)).toEqual(series.toSorted(byName));
  });

  it('follows the naming of Prometheus', async () => {
    for (const [name, { type, help }] of Object.entries(await everySeries())) {
      expect(name).toMatch(/^naiad_[a-z_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect(help).not.toBe('');
    }
  });

  it('shows lines as they are', async () => {
    const { naiad_model_ready } = await everySeries();
    const text = readDoc('docs/metrics.md');
    expect(text).toContain(`# HELP naiad_model_ready ${naiad_model_ready?.help}\n`);
    expect(text).toContain('naiad_model_ready{model="mobilenet",version="1"} 1\n');
  });
});
