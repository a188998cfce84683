import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { aModelConfig } from '../support/memory-service.js';
import { RawClient } from '../support/raw-client.js';
import { type Harness, openHarness } from './harness.js';
import { ServiceClient } from './service-client.js';

let harness: Harness;
let client: ServiceClient;

beforeAll(async () => {
  harness = await openHarness();
  client = new ServiceClient(harness.door.port, 'inference.GRPCInferenceService', 'grpc_service.proto');
});

afterAll(async () => {
  client.close();
  await harness.door.close(0);
});

afterEach(() => {
  harness.service.config = aModelConfig();
  harness.service.setReady('', true);
});

describe('readiness', () => {
  it('is what the service says', async () => {
    expect(await client.call('ServerLive')).toEqual({ live: true });
    expect(await client.call('ServerReady')).toEqual({ ready: true });
    harness.service.setReady('', false);
    expect(await client.call('ServerReady')).toEqual({ ready: false });
    expect(await client.call('ModelReady', { name: 'echo' })).toEqual({ ready: true });
  });

  it('is false for a model that nobody knows, and an error for a version that is none', async () => {
    expect(await client.call('ModelReady', { name: 'nobody' })).toEqual({ ready: false });
    await expect(client.call('ModelReady', { name: 'echo', version: 'x' })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details:
        "failed to get model version from specified version string 'x' (details: stol), version should be an integral value > 0",
    });
  });
});

describe('metadata', () => {
  it('of the server', async () => {
    expect(await client.call('ServerMetadata')).toEqual({
      name: 'triton',
      version: '1.2.3',
      extensions: ['statistics', 'parameters'],
    });
  });

  it('of a model', async () => {
    expect(await client.call('ModelMetadata', { name: 'echo' })).toMatchObject({
      name: 'echo',
      versions: ['1', '3'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: ['-1', '3', '224'] }],
      outputs: [{ name: 'OUTPUT0', datatype: 'BYTES', shape: [] }],
    });
    await expect(client.call('ModelMetadata', { name: 'nobody' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "Request for unknown model: 'nobody' is not found",
    });
  });

  it('with the whole configuration', async () => {
    harness.service.config = aModelConfig({
      max_batch_size: 8,
      version_policy: { specific: { versions: [1, 3] } },
      input: [
        {
          name: 'INPUT0',
          data_type: 'TYPE_FP32',
          format: 'FORMAT_NCHW',
          dims: [3, -1, 224],
          reshape: { shape: [] },
          is_shape_tensor: false,
          allow_ragged_batch: false,
          optional: true,
          is_non_linear_format_io: false,
        },
      ],
      dynamic_batching: {
        preferred_batch_size: [4, 8],
        max_queue_delay_microseconds: 2 ** 40,
        preserve_ordering: false,
        priority_levels: 2,
        default_priority_level: 1,
        priority_queue_policy: {
          2: {
            timeout_action: 'DELAY',
            default_timeout_microseconds: 5,
            allow_timeout_override: true,
            max_queue_size: 9,
          },
        },
      },
      parameters: { 'quantization.mode': { string_value: 'int8' } },
    });
    expect(await client.call('ModelConfig', { name: 'echo' })).toMatchObject({
      config: {
        name: 'echo',
        backend: 'memory',
        max_batch_size: 8,
        version_policy: { policy_choice: 'specific', specific: { versions: ['1', '3'] } },
        input: [
          {
            data_type: 'TYPE_FP32',
            format: 'FORMAT_NCHW',
            dims: ['3', '-1', '224'],
            reshape: { shape: [] },
            optional: true,
          },
        ],
        scheduling_choice: 'dynamic_batching',
        dynamic_batching: {
          preferred_batch_size: [4, 8],
          max_queue_delay_microseconds: String(2 ** 40),
          // The client's protobufjs shows 64-bit keys of maps as their eight bytes.
          priority_queue_policy: { '\u0002\0\0\0\0\0\0\0': { timeout_action: 'DELAY', max_queue_size: 9 } },
        },
        parameters: { 'quantization.mode': { string_value: 'int8' } },
      },
    });
  });
});

it('statistics carry every counter under its own name', async () => {
  const duration = (count: number, ns: number) => ({ count: String(count), ns: String(ns) });
  expect(await client.call('ModelStatistics', { name: 'echo' })).toMatchObject({
    model_stats: [
      {
        name: 'echo',
        version: '1',
        last_inference: '1700000000123',
        inference_count: '7',
        execution_count: '3',
        inference_stats: {
          success: duration(5, 2 ** 52),
          fail: duration(1, 11),
          queue: duration(5, 12),
          compute_input: duration(5, 13),
          compute_infer: duration(5, 14),
          compute_output: duration(5, 15),
          cache_hit: duration(0, 0),
          cache_miss: duration(2, 16),
        },
        batch_stats: [
          {
            batch_size: '4',
            compute_input: duration(1, 21),
            compute_infer: duration(1, 22),
            compute_output: duration(1, 23),
          },
        ],
      },
    ],
  });
});

it('the index lists models, or only the ready ones', async () => {
  harness.service.setReady('down', false);
  const echo = { name: 'echo', version: '1', state: 'READY', reason: '' };
  const down = { name: 'down', version: '1', state: 'UNAVAILABLE', reason: 'unloaded' };
  expect(await client.call('RepositoryIndex')).toEqual({ models: [echo, down] });
  expect(await client.call('RepositoryIndex', { ready: true })).toEqual({ models: [echo] });
});

it.each([
  '/inference.GRPCInferenceService/ModelMetadata',
  '/inference.GRPCInferenceService/ModelInfer',
  '/inference.GRPCInferenceService/RepositoryModelLoad',
  '/inference.GRPCInferenceService/RepositoryModelUnload',
  '/naiad.v1.ModelLifecycle/ModelHistory',
  '/naiad.v1.ModelLifecycle/Rollback',
  '/grpc.health.v1.Health/Check',
])('%s answers bytes that are no message with INVALID_ARGUMENT', async (path) => {
  const raw = new RawClient(harness.door.port);
  for (const bytes of [Buffer.from('0a05', 'hex'), Buffer.alloc(100, 0xff), Buffer.alloc(20_000, 0x0b)]) {
    expect(await raw.send(path, bytes)).toMatchObject({
      kind: 'failed',
      code: status.INVALID_ARGUMENT,
      details: expect.stringMatching(/^malformed request message: /),
    });
  }
  raw.close();
});
