import { afterAll, beforeAll, expect, it } from 'vitest';
import { fp32sOf, identityRequest } from '../support/messages.js';
import { ReloadServer } from '../support/reload-server.js';
import { identityConfig, identityModel } from '../support/repository.js';

const DELAY_MS = 40;
const TWO_INSTANCES = 'instance_group { kind: KIND_CPU count: 2 }';

/** A sample of `rows` rows, run `count` times. */
const sample = (rows: number, count: number): string => `model_warmup {
  name: "sample"
  batch_size: ${rows}
  count: ${count}
  inputs { key: "INPUT0" value { data_type: TYPE_FP32 dims: [ 1 ] zero_data: true } }
}`;

const delayed = { execute_delay_ms: String(DELAY_MS) };
/** A parameter that reaches the session makes new instances, which have to be warmed up. */
const redelayed = (more: number) => ({ execute_delay_ms: String(DELAY_MS + more) });

let server: ReloadServer;
beforeAll(async () => {
  server = await ReloadServer.start('explicit', {
    ...identityModel('m', identityConfig(delayed, TWO_INSTANCES)),
    ...identityModel('broken', identityConfig({ fault: 'error' }, TWO_INSTANCES + sample(1, 1))),
  });
});
afterAll(() => server.stop());

/** How long warming up took in the load that was the last. */
async function warmUpMs(): Promise<number | undefined> {
  const ready = (await server.history('m')).filter(({ event }) => event === 'ready').at(-1);
  return ready?.steps.find(({ name }) => name === 'warm-up')?.ms;
}

async function configure(config: string): Promise<void> {
  server.repository.write(identityModel('m', config));
  await server.load('m');
}

it('is no step where nothing asks for it', async () => {
  expect(await warmUpMs()).toBe(undefined);
});

it('runs the samples on each new instance, before requests get to it', async () => {
  const happened = server.log.happenings.length;
  const loaded = configure(identityConfig(redelayed(1), TWO_INSTANCES + sample(4, 3)));
  await server.log.next({ model: 'm', event: 'loading' }, happened);
  // What was there goes on answering, and nothing of the warm-up is counted.
  expect(fp32sOf(await server.test.client.infer(identityRequest('m', [9])), 0)).toEqual([9]);
  await loaded;
  expect(await warmUpMs()).toBeGreaterThanOrEqual(3 * DELAY_MS);
  const { model_stats: stats } = await server.test.client.call('ModelStatistics', { name: 'm' });
  expect(stats).toMatchObject([{ inference_count: '0', execution_count: '0' }]);
  expect(fp32sOf(await server.test.client.infer(identityRequest('m', [3])), 0)).toEqual([3]);
});

it('runs each preferred size once where the parameter asks for it', async () => {
  const batching = `${TWO_INSTANCES} dynamic_batching { preferred_batch_size: [ 2, 4 ] }`;
  const config = identityConfig({ ...redelayed(2), 'warmup.auto': 'true' }, batching);
  await configure(config.replaceAll('dims: [ -1 ]', 'dims: [ 1 ]'));
  // 1, 2, 4 and the largest, which is 8.
  expect(await warmUpMs()).toBeGreaterThanOrEqual(4 * DELAY_MS);
});

it('that fails is a load that fails, and leaves what was there', async () => {
  expect(await server.index('broken')).toMatchObject([
    { state: 'UNAVAILABLE', reason: expect.stringContaining("failed to run warmup sample 'sample'") },
  ]);
  expect(server.lanes('broken')).toEqual([]);
  const lanes = server.lanes('m');
  const faulty = identityConfig({ fault: 'error' }, TWO_INSTANCES + sample(1, 1));
  await expect(configure(faulty)).rejects.toMatchObject({
    details: expect.stringContaining("failed to run warmup sample 'sample'"),
  });
  expect(server.lanes('m')).toEqual(lanes);
  expect(fp32sOf(await server.test.client.infer(identityRequest('m', [5])), 0)).toEqual([5]);
});
