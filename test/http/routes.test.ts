import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modelErrors, repositoryErrors } from '#naiad/errors/catalogue.js';
import { aModelConfig } from '../support/memory-service.js';
import { TestDoor } from './harness.js';

let test: TestDoor;

beforeAll(async () => {
  test = await TestDoor.open();
});

afterAll(async () => {
  await test.close();
});

/** Status and JSON of an answer, which says that it is JSON. */
async function json(method: string, path: string, body = ''): Promise<unknown[]> {
  const { status, headers, text } = await test.ask(method, path, body);
  expect(headers['content-type']).toBe('application/json');
  return text === '' ? [status] : [status, JSON.parse(text)];
}

describe('metadata', () => {
  it('tell of the server', async () => {
    const metadata = { name: 'triton', version: '1.2.3', extensions: ['statistics', 'parameters'] };
    expect(await json('GET', '/v2')).toEqual([200, metadata]);
    expect(await json('GET', '/v2?pretty=1&x')).toEqual([200, metadata]);
  });

  it.each(['/v2/models/echo', '/v2/models/e%63ho', '/v2/models/echo/versions/1'])(
    '%s tells of a model',
    async (path) => {
      expect(await json('GET', path)).toEqual([
        200,
        {
          name: 'echo',
          versions: ['1', '3'],
          platform: 'onnxruntime_onnx',
          inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [-1, 3, 224] }],
          outputs: [{ name: 'OUTPUT0', datatype: 'BYTES', shape: [] }],
        },
      ]);
    },
  );

  it.each(['', '/config'])('of a model that nobody knows is not found%s', async (end) => {
    expect(await json('GET', `/v2/models/x${end}`)).toEqual([
      404,
      { error: "Request for unknown model: 'x' is not found" },
    ]);
  });
});

describe('a configuration', () => {
  it('is the message as JSON, integers as numbers where Triton has them so', async () => {
    test.service.config = aModelConfig({
      max_batch_size: 8,
      version_policy: { specific: { versions: [Number.MAX_SAFE_INTEGER] } },
      optimization: {
        priority: 'PRIORITY_DEFAULT',
        gather_kernel_buffer_threshold: 0,
        eager_batching: false,
        cuda: { graphs: true, graph_spec: [{ batch_size: 1, input: { A: { dim: [3, 4] } } }] },
      },
      sequence_batching: {
        max_sequence_idle_microseconds: 5_000_000,
        state: [{ input_name: 'S', dims: [1], initial_state: [{ dims: [1, 2], name: 'i' }] }],
      },
    });
    expect(await json('GET', '/v2/models/echo/config')).toEqual([
      200,
      {
        ...aModelConfig({ max_batch_size: 8 }),
        version_policy: { specific: { versions: [9007199254740991] } },
        optimization: {
          priority: 'PRIORITY_DEFAULT',
          gather_kernel_buffer_threshold: 0,
          eager_batching: false,
          cuda: { graphs: true, graph_spec: [{ batch_size: 1, input: { A: { dim: ['3', '4'] } } }] },
        },
        sequence_batching: {
          max_sequence_idle_microseconds: 5_000_000,
          state: [{ input_name: 'S', dims: [1], initial_state: [{ dims: ['1', '2'], name: 'i' }] }],
        },
      },
    ]);
  });
});

describe('statistics', () => {
  it.each(['/v2/models/stats', '/v2/models/echo/stats', '/v2/models/echo/versions/1/stats'])(
    'at %s',
    async (path) => {
      expect(await json('GET', path)).toEqual([
        200,
        {
          model_stats: [
            {
              name: 'echo',
              version: '1',
              last_inference: 1_700_000_000_123,
              inference_count: 7,
              execution_count: 3,
              inference_stats: {
                success: { count: 5, ns: 4503599627370496 },
                fail: { count: 1, ns: 11 },
                queue: { count: 5, ns: 12 },
                compute_input: { count: 5, ns: 13 },
                compute_infer: { count: 5, ns: 14 },
                compute_output: { count: 5, ns: 15 },
                cache_hit: { count: 0, ns: 0 },
                cache_miss: { count: 2, ns: 16 },
              },
              response_stats: {},
              batch_stats: [
                {
                  batch_size: 4,
                  compute_input: { count: 1, ns: 21 },
                  compute_infer: { count: 1, ns: 22 },
                  compute_output: { count: 1, ns: 23 },
                },
              ],
              memory_usage: [],
            },
          ],
        },
      ]);
    },
  );

  it('of a model that nobody knows are refused', async () => {
    expect(await json('GET', '/v2/models/x/stats')).toEqual([
      400,
      { error: "requested model 'x' is not available" },
    ]);
  });
});

describe('the index', () => {
  it.each([
    ['/v2/repository/index', ''],
    ['/v2/repository/index', '{}'],
    ['/v2/repository/index?x=1', '{"ready":false,"more":1}'],
    ['/v2/repository/any/index', '[]'],
  ])('%s %s lists what there is', async (path, body) => {
    test.service.models.set('off', false);
    expect(await json('POST', path, body)).toEqual([
      200,
      [
        { name: 'echo', version: '1', state: 'READY' },
        { name: 'off', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' },
      ],
    ]);
  });

  it('lists what is ready', async () => {
    expect(await json('POST', '/v2/repository/index', '{"ready":true}')).toEqual([
      200,
      [{ name: 'echo', version: '1', state: 'READY' }],
    ]);
  });

  it('has nothing but the name of a model that was never loaded', async () => {
    const door = await TestDoor.open();
    door.service.repositoryIndex = async () => [{ name: 'never', version: '', state: '', reason: '' }];
    expect((await door.ask('POST', '/v2/repository/index')).json).toEqual([{ name: 'never' }]);
    await door.close();
  });

  it.each([
    ['{"ready":"x"}', "Unable to parse 'ready': attempt to access JSON non-boolean as boolean"],
    ['{"ready":1}', "Unable to parse 'ready': attempt to access JSON non-boolean as boolean"],
    ['{', 'failed to parse the request JSON buffer: '],
    ['['.repeat(500_000), 'failed to parse the request JSON buffer: it nests deeper than 100'],
    [' '.repeat(1_048_577), 'Requests of this kind have at most 1048576 bytes'],
  ])('%.20s is a mistake of the client', async (body, text) => {
    expect(await json('POST', '/v2/repository/index', body)).toEqual([
      400,
      { error: expect.stringContaining(text) },
    ]);
  });
});

describe('load and unload', () => {
  it('pass on what they are given', async () => {
    const body = JSON.stringify({
      parameters: { config: '{"backend":"x"}', 'file:1/model.onnx': 'aGVsbG8=' },
    });
    expect(await json('POST', '/v2/repository/models/a%2Fb/load', body)).toEqual([200]);
    const [load] = test.service.loads.splice(0);
    expect(load).toMatchObject({ name: 'a/b', options: { config: '{"backend":"x"}', rollback: false } });
    expect(Buffer.from(load?.options.files.get('1/model.onnx') ?? []).toString()).toBe('hello');
    expect(
      await json('POST', '/v2/repository/models/a/unload', '{"parameters":{"unload_dependents":true}}'),
    ).toEqual([200]);
    expect(await json('POST', '/v2/repository/models/a/unload')).toEqual([200]);
    expect(test.service.unloads.splice(0)).toEqual([
      { name: 'a', dependents: true },
      { name: 'a', dependents: false },
    ]);
  });

  it('may be a roll back', async () => {
    expect(await json('POST', '/v2/repository/models/a/load', '{"parameters":{"rollback":true}}')).toEqual([
      200,
    ]);
    expect(test.service.loads.splice(0)[0]?.options.rollback).toBe(true);
  });

  it.each([
    ['load', '{"parameters":{"x":"y"}}', "unrecognized load parameter 'x'."],
    [
      'load',
      '{"parameters":{"config":1}}',
      "invalid value type for load parameter 'config', expected string_param.",
    ],
    [
      'load',
      '{"parameters":{"file:a":1}}',
      "invalid value type for load parameter 'file:a', expected bytes_param.",
    ],
    ['load', '{"parameters":[]}', "Unable to parse 'parameters': attempt to get members for non-object"],
    ['load', '{', 'failed to parse the request JSON buffer: '],
    [
      'unload',
      '{"parameters":{"unload_dependents":"x"}}',
      "invalid value type for 'unload_dependents' parameter, expected bool_param.",
    ],
    ['unload', '{', 'failed to parse the request JSON buffer: '],
  ])('%s %s is refused', async (action, body, text) => {
    expect(await json('POST', `/v2/repository/models/a/${action}`, body)).toEqual([
      400,
      { error: expect.stringContaining(text) },
    ]);
    expect([test.service.loads, test.service.unloads]).toEqual([[], []]);
  });

  it.each(['load', 'unload'])('%s knows one repository', async (action) => {
    expect(await json('POST', `/v2/repository/other/models/a/${action}`)).toEqual([
      501,
      { error: "'repository_name' specification is not supported" },
    ]);
  });

  it.each([
    [repositoryErrors.controlDisabled(), 503],
    [repositoryErrors.notInRepository('a', 'why'), 500],
    [repositoryErrors.loadFailed('a', [{ version: 1, reason: 'why' }]), 400],
    [modelErrors.unknown('a'), 404],
    [repositoryErrors.noRollback('a'), 400],
  ])('%s', async (error, status) => {
    test.service.controlled = () => Promise.reject(error);
    expect(await json('POST', '/v2/repository/models/a/load')).toEqual([status, { error: error.message }]);
    test.service.controlled = async () => {};
    test.service.loads.length = 0;
  });

  it('are refused by a server that stops', async () => {
    const door = await TestDoor.open();
    door.door.stopAccepting();
    expect((await door.ask('POST', '/v2/repository/models/a/load')).status).toBe(503);
    expect(door.service.loads).toEqual([]);
    await door.close();
  });
});

describe('other methods', () => {
  it.each([
    ['POST', '/v2', 'GET, HEAD', 'application/json'],
    ['POST', '/v2/models/echo', 'GET, HEAD', 'application/json'],
    ['DELETE', '/v2/models/stats', 'GET, HEAD', 'application/json'],
    ['PUT', '/v2/models/echo/config', 'GET, HEAD', 'application/json'],
    ['PATCH', '/v2/models/echo/ready', 'GET, HEAD', 'text/plain'],
    ['GET', '/v2/repository/index', 'POST', 'application/json'],
    ['GET', '/v2/repository/models/echo/load', 'POST', 'application/json'],
    ['TRACE', '/v2/health/live', 'GET, HEAD', 'text/plain'],
  ])('%s %s is not allowed', async (method, path, allow, type) => {
    const { status, headers, json: body } = await test.ask(method, path);
    expect([status, body]).toEqual([405, { error: 'Method Not Allowed' }]);
    expect([headers.allow, headers['content-type']]).toEqual([allow, type]);
  });
});

describe('other paths', () => {
  it.each([
    '/v2/models',
    '/v2/models/',
    '/v2/models//ready',
    '/v2/models/echo/',
    '/v2/models/echo/versions/x',
    '/v2/models/echo/versions/-1',
    '/v2/models/echo/versions/',
    '/v2/repository/models//load',
    '/v2/repository/models/echo/nope',
    '/V2',
    '//v2',
  ])('%s is not found', async (path) => {
    const { status, headers, json: body } = await test.ask('GET', path);
    expect([status, headers['content-type'], body]).toEqual([404, 'text/plain', { error: 'Not Found' }]);
  });
});
