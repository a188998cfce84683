import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fp32sOf, identityRequest } from '../support/messages.js';
import { ReloadServer } from '../support/reload-server.js';
import { identityConfig, identityModel } from '../support/repository.js';

const ONE_INSTANCE = 'instance_group { kind: KIND_CPU count: 1 }';

let server: ReloadServer;
beforeAll(async () => {
  server = await ReloadServer.start('explicit', {
    ...identityModel('slow', identityConfig({ execute_delay_ms: '600' }, ONE_INSTANCE)),
    ...identityModel('wide', identityConfig({}, 'instance_group { kind: KIND_CPU count: 3 }')),
    ...identityModel('other', identityConfig({}, ONE_INSTANCE)),
    'wide/2/.keep': '',
  });
});
afterAll(() => server.stop());

describe('an unload', () => {
  it('answers when the threads of the model are gone', async () => {
    expect(server.lanes('wide')).toHaveLength(3);
    await server.unload('wide');
    expect(server.lanes('wide')).toEqual([]);
    expect(await server.index('wide')).toEqual([
      { name: 'wide', version: '2', state: 'UNAVAILABLE', reason: 'unloaded' },
    ]);
    expect((await server.history('wide')).map(({ event }) => event).slice(-3)).toEqual([
      'draining',
      'unloading',
      'unloaded',
    ]);
    expect((await server.history('wide')).at(-3)?.why).toBe('unload requested');
    // What is not wanted does not make the server unready.
    expect(await server.test.client.call('ServerReady')).toEqual({ ready: true });
    expect(await server.metric('naiad_model_ready{model="wide",version="2"}')).toBe(null);
  });

  it('waits for requests that run and those that wait, and refuses others', async () => {
    const { client } = server.test;
    const order: string[] = [];
    // One runs, two wait for the one instance.
    const answers = [1, 2, 3].map(async (value) => {
      const answer = await client.infer(identityRequest('slow', [value]));
      order.push('answer');
      return fp32sOf(answer, 0);
    });
    // They are in hand when a later call is answered.
    await client.call('ServerLive');
    const unloaded = server.unload('slow').then(() => {
      order.push('unloaded');
      expect(server.lanes('slow')).toEqual([]);
    });
    await expect.poll(() => server.index('slow')).toMatchObject([{ version: '1', state: 'UNLOADING' }]);
    expect(await client.failure('ModelInfer', identityRequest('slow', [4]))).toEqual({
      code: 5,
      details: "Request for unknown model: 'slow' has no available versions",
    });
    expect(await client.call('ModelReady', { name: 'slow' })).toEqual({ ready: false });
    expect(await Promise.all(answers)).toEqual([[1], [2], [3]]);
    await unloaded;
    expect(order).toEqual(['answer', 'answer', 'answer', 'unloaded']);
    expect(server.test.server.status().leases).toBe(0);
  });

  it('of what is not loaded, or nobody knows, is fine', async () => {
    await server.unload('slow');
    await server.unload('nobody');
    expect(await server.index('nobody')).toEqual([]);
  });

  it('is taken back by a load that comes while requests still run', async () => {
    const { client } = server.test;
    await server.load('slow');
    const lanes = server.lanes('slow');
    const answer = client.infer(identityRequest('slow', [5]));
    await client.call('ServerLive');
    const unloaded = server.unload('slow').catch((error: { details: string }) => error.details);
    await expect.poll(() => server.index('slow')).toMatchObject([{ state: 'UNLOADING' }]);
    await server.load('slow');
    expect(fp32sOf(await client.infer(identityRequest('slow', [6])), 0)).toEqual([6]);
    expect(fp32sOf(await answer, 0)).toEqual([5]);
    expect(await unloaded).toMatch(/out-dated/);
    expect(server.lanes('slow')).toEqual(lanes);
  });

  it('leaves other models alone', () => {
    expect(server.log.happenings.filter(({ model }) => model === 'other')).toMatchObject([
      { event: 'loading' },
      { event: 'ready' },
    ]);
    expect(server.lanes('other')).toHaveLength(1);
  });
});
