import { utimesSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringsOf } from '../support/messages.js';
import { adder, adderConfig, adderRequest } from '../support/reload-models.js';
import { ReloadServer } from '../support/reload-server.js';

const LABELLED = 'output { label_filename: "labels.txt" ';

/** Of a model with one instance and labels. */
const config = (extra = '', instances = 1): string =>
  adderConfig(`dynamic_batching { ${extra} }`, instances).replace('output { ', LABELLED);

const labels = (word: string): string => Array.from({ length: 64 }, (_, i) => `${word}${i}\n`).join('');

let server: ReloadServer;
beforeAll(async () => {
  server = await ReloadServer.start('poll', {
    'm/1/model.onnx': adder(1),
    'm/2/model.onnx': adder(2),
    'm/config.pbtxt': config(),
    'm/labels.txt': labels('old'),
  });
});
afterAll(() => server.stop());

/** Writes the configuration and waits until it has taken effect. */
async function configure(text: string): Promise<void> {
  await server.log.after(() => server.repository.write({ 'm/config.pbtxt': text }), {
    model: 'm',
    event: 'ready',
  });
}

async function configured(): Promise<Record<string, unknown>> {
  const { config: found } = await server.test.client.call('ModelConfig', { name: 'm' });
  return found as Record<string, unknown>;
}

async function executed(): Promise<number> {
  const { model_stats: stats } = await server.test.client.call('ModelStatistics', { name: 'm' });
  return Number((stats as { inference_count: string }[])[0]?.inference_count);
}

describe('with the sessions that are there', () => {
  let lanes: readonly number[];
  let counted: number;
  beforeEach(async () => {
    await server.answer('m');
    lanes = server.lanes('m');
    counted = await executed();
  });

  /** The same threads with the same instances, and counters that went on. */
  async function expectKept(): Promise<void> {
    expect(server.lanes('m')).toEqual(lanes);
    expect(await executed()).toBe(counted);
    const ready = (await server.history('m')).filter(({ event }) => event === 'ready').at(-1);
    expect(ready?.why).toBe('1 instance kept, configuration updated');
    expect(await server.answer('m')).toEqual({ version: '2', content: 2 });
    expect(await executed()).toBe(counted + 1);
  }

  it('a queue delay changes', async () => {
    await configure(config('max_queue_delay_microseconds: 500'));
    expect(await configured()).toMatchObject({
      dynamic_batching: { max_queue_delay_microseconds: '500' },
    });
    await expectKept();
  });

  it('priorities change', async () => {
    await configure(config('priority_levels: 3 default_priority_level: 2'));
    expect(await configured()).toMatchObject({ dynamic_batching: { priority_levels: '3' } });
    await expectKept();
  });

  it('a queue policy changes', async () => {
    await configure(config('default_queue_policy { max_queue_size: 5 }'));
    expect(await configured()).toMatchObject({
      dynamic_batching: { default_queue_policy: { max_queue_size: 5 } },
    });
    await expectKept();
  });

  it('labels change', async () => {
    const classified = adderRequest('m', 0, {
      outputs: [{ name: 'OUTPUT0', parameters: { classification: { int64_param: 1 } } }],
    });
    const label = async () => stringsOf(await server.test.client.infer(classified), 0)[0]?.split(':')[2];
    expect(await label()).toMatch(/^old/);
    counted++;
    await server.log.after(() => server.repository.write({ 'm/labels.txt': labels('new') }), {
      model: 'm',
      event: 'ready',
    });
    expect(server.lanes('m')).toEqual(lanes);
    expect(await label()).toMatch(/^new/);
    counted++;
    await expectKept();
  });
});

describe('the number of instances', () => {
  it('grows by new sessions only', async () => {
    const before = server.lanes('m');
    await configure(config('', 3));
    const after = server.lanes('m');
    expect(after).toHaveLength(3);
    expect(after).toEqual(expect.arrayContaining(before));
  });

  it('shrinks by ending what is too much', async () => {
    const before = server.lanes('m');
    await configure(config('', 2));
    const ready = (await server.history('m')).filter(({ event }) => event === 'ready').at(-1);
    expect(ready?.why).toBe('2 instances kept, configuration updated');
    await server.log.next({ model: 'm', event: 'unloaded' }, server.log.happenings.length - 1);
    const after = server.lanes('m');
    expect(after).toHaveLength(2);
    expect(before).toEqual(expect.arrayContaining(after));
  });
});

describe('the version policy', () => {
  it('loads what it adds and leaves the rest alone', async () => {
    const before = server.lanes('m');
    const happened = server.log.happenings.length;
    await configure(`${config('', 2)} version_policy { all { } }`);
    await server.log.next({ model: 'm', version: 1, event: 'ready' }, happened);
    expect(server.lanes('m')).toEqual(expect.arrayContaining(before));
    expect(await server.answer('m', '1')).toEqual({ version: '1', content: 1 });
    expect(await server.answer('m', '2')).toEqual({ version: '2', content: 2 });
  });

  it('unloads what it takes away', async () => {
    const happened = server.log.happenings.length;
    server.repository.write({
      'm/config.pbtxt': `${config('', 2)} version_policy { specific { versions: [ 1 ] } }`,
    });
    await server.log.next({ model: 'm', version: 2, event: 'unloaded' }, happened);
    expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
    expect(await server.index('m')).toEqual([
      { name: 'm', version: '1', state: 'READY', reason: '' },
      { name: 'm', version: '2', state: 'UNAVAILABLE', reason: 'unloaded' },
    ]);
  });
});

it('does nothing for what changes nothing', async () => {
  const happened = server.log.happenings.length;
  const lanes = server.lanes('m');
  const comment = '# chosen with care\n';
  const same = `${comment}${config('', 2)} version_policy { specific { versions: [ 1 ] } }`;
  // Touched.
  for (const path of ['config.pbtxt', 'labels.txt', '1/model.onnx', '2/model.onnx']) {
    utimesSync(server.repository.path(`m/${path}`), new Date(), new Date());
  }
  await server.scans(2);
  // Written again as it was; nothing of the model; a version that is not served.
  server.repository.write({ 'm/labels.txt': labels('new'), 'm/1/model.onnx': adder(1) });
  server.repository.write({
    'm/config.pbtxt': same,
    'm/.config.swp': 'x',
    'm/README.md': 'x',
    'notes.txt': 'x',
  });
  server.repository.write({ 'm/7/model.onnx': adder(7) });
  await server.scans(4);
  expect(server.log.told(happened)).toEqual([]);
  expect(server.lanes('m')).toEqual(lanes);
  expect(await server.answer('m')).toEqual({ version: '1', content: 1 });
});
