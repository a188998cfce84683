import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { status } from '@grpc/grpc-js';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bytesElement,
  fp32,
  fp32sOf,
  identityRequest,
  int32sOf,
  pictureRequest,
  simpleRequest,
  stringsOf,
} from '../support/messages.js';
import { startTestServer, type TestServer } from '../support/server.js';

const FACE = readFileSync(resolve(import.meta.dirname, '../../examples/images/face.jpg'));

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const classified = (count: number) => ({
  outputs: [{ name: 'probabilities', parameters: { classification: { int64_param: count } } }],
});

describe('the bundled models', () => {
  it('are all served', () => {
    expect(server.server.modelTable().filter(({ status: state }) => state !== 'READY')).toEqual([]);
  });

  it('add and subtract', async () => {
    const response = await server.client.infer(simpleRequest(5, 2, { id: 'r1' }));
    expect(response).toMatchObject({ model_name: 'simple', model_version: '1', id: 'r1' });
    expect(response.outputs).toMatchObject([
      { name: 'OUTPUT0', datatype: 'INT32', shape: ['2', '16'] },
      { name: 'OUTPUT1', datatype: 'INT32', shape: ['2', '16'] },
    ]);
    expect(int32sOf(response, 0)).toEqual(Array.from({ length: 32 }, (_, i) => i + 6));
    expect(int32sOf(response, 1)).toEqual(Array.from({ length: 32 }, (_, i) => i + 4));
  });

  it('answer only the outputs asked for', async () => {
    const response = await server.client.infer(simpleRequest(0, 1, { outputs: [{ name: 'OUTPUT1' }] }));
    expect(response.outputs).toHaveLength(1);
    expect(int32sOf(response, 0)[15]).toBe(14);
  });

  it('take typed contents', async () => {
    const zeros = Array.from({ length: 16 }, () => 0);
    const response = await server.client.infer({
      model_name: 'simple',
      inputs: [
        {
          name: 'INPUT0',
          datatype: 'INT32',
          shape: [1, 16],
          contents: { int_contents: zeros.map((_, i) => -i) },
        },
        { name: 'INPUT1', datatype: 'INT32', shape: [1, 16], contents: { int_contents: zeros } },
      ],
    });
    expect(int32sOf(response, 0)).toEqual(zeros.map((_, i) => 0 - i));
  });

  it('give back what they got', async () => {
    const response = await server.client.infer({
      model_name: 'identity',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 3] }],
      raw_input_contents: [fp32(1, 2.5, -3)],
    });
    expect(fp32sOf(response, 0)).toEqual([1, 2.5, -3]);
  });
});

describe('a photograph of a face', () => {
  it('is happy', async () => {
    const response = await server.client.infer(
      pictureRequest('face_emotion', 'image', [FACE], classified(3)),
    );
    expect(response.model_version).toBe('3');
    expect(response.outputs).toMatchObject([{ name: 'probabilities', datatype: 'BYTES', shape: ['1', '3'] }]);
    expect(stringsOf(response, 0)[0]).toBe('1.000000:1:happy');
  });

  it('is happy for the other net too', async () => {
    const response = await server.client.infer(
      pictureRequest('face_emotion', 'image', [FACE], { model_version: '1', ...classified(1) }),
    );
    expect(response.model_version).toBe('1');
    expect(stringsOf(response, 0)[0]).toMatch(/^0\.9\d+:1:happy$/);
  });

  it('gives the same as a tensor', async () => {
    const { data } = await sharp(FACE)
      .resize(112, 112, { fit: 'fill' })
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const response = await server.client.infer({
      model_name: 'face_emotion',
      inputs: [{ name: 'image', datatype: 'UINT8', shape: [1, 112, 112, 3] }],
      raw_input_contents: [data],
      ...classified(1),
    });
    expect(stringsOf(response, 0)[0]).toMatch(/:1:happy$/);
  });

  it('may come several times in one request, in base64 of a typed field', async () => {
    const response = await server.client.infer({
      model_name: 'face_emotion',
      inputs: [
        { name: 'image', datatype: 'BYTES', shape: [3, 1], contents: { bytes_contents: [FACE, FACE, FACE] } },
      ],
    });
    expect(response.outputs).toMatchObject([{ shape: ['3', '7'] }]);
    const values = fp32sOf(response, 0);
    for (const row of [0, 1, 2]) expect(values[row * 7 + 1]).toBeCloseTo(1, 4);
  });

  it('is refused with its index when it is broken', async () => {
    const failure = await server.client.failure(
      'ModelInfer',
      pictureRequest('face_emotion', 'image', [FACE, FACE.subarray(0, 600)], { id: 'p' }),
    );
    expect(failure.code).toBe(status.INVALID_ARGUMENT);
    expect(failure.details).toMatch(
      /^\[request id: p\] picture 1 of input 'image' for model 'face_emotion': is truncated or corrupt/,
    );
  });
});

describe('other questions', () => {
  it('liveness, readiness, metadata', async () => {
    expect(await server.client.call('ServerLive')).toEqual({ live: true });
    expect(await server.client.call('ServerReady')).toEqual({ ready: true });
    expect(await server.client.call('ServerMetadata')).toMatchObject({ name: 'triton' });
    expect(await server.client.call('ModelReady', { name: 'simple' })).toEqual({ ready: true });
    expect(await server.client.call('ModelReady', { name: 'simple', version: '9' })).toEqual({
      ready: false,
    });
    expect(await server.client.call('ModelReady', { name: 'nope' })).toEqual({ ready: false });
    expect(await server.client.call('ModelMetadata', { name: 'face_emotion' })).toMatchObject({
      name: 'face_emotion',
      versions: ['1', '2', '3'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'image', datatype: 'UINT8', shape: ['-1', '112', '112', '3'] }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: ['-1', '7'] }],
    });
  });

  it('the configuration in force', async () => {
    expect(await server.client.call('ModelConfig', { name: 'simple' })).toMatchObject({
      config: {
        name: 'simple',
        backend: 'onnxruntime',
        max_batch_size: 8,
        dynamic_batching: { preferred_batch_size: [8] },
        version_policy: { latest: { num_versions: 1 } },
      },
    });
  });

  it('the index', async () => {
    const { models } = (await server.client.call('RepositoryIndex')) as { models: object[] };
    expect(models).toContainEqual({ name: 'face_emotion', version: '1', state: 'READY', reason: '' });
    expect(models).toContainEqual({ name: 'identity', version: '1', state: 'READY', reason: '' });
    expect(await server.client.failure('RepositoryIndex', { repository_name: 'x' })).toEqual({
      code: status.UNIMPLEMENTED,
      details: "'repository_name' specification is not supported",
    });
  });

  it('mistakes, with the texts of Triton', async () => {
    expect(await server.client.failure('ModelInfer', { ...simpleRequest(), model_name: 'nope' })).toEqual({
      code: status.NOT_FOUND,
      details: "Request for unknown model: 'nope' is not found",
    });
    expect(await server.client.failure('ModelInfer', simpleRequest(0, 9, { id: 'x' }))).toEqual({
      code: status.INVALID_ARGUMENT,
      details: "[request id: x] inference request batch-size must be <= 8 for 'simple'",
    });
    expect(await server.client.failure('ModelStatistics', { name: 'nope' })).toEqual({
      code: status.INVALID_ARGUMENT,
      details: "requested model 'nope' is not available",
    });
  });
});

describe('concurrent requests', () => {
  it('are answered from batches, each with its own rows', async () => {
    const before = await statistics('simple');
    const responses = await Promise.all(
      Array.from({ length: 64 }, (_, i) => server.client.infer(simpleRequest(i * 100, 1 + (i % 3)))),
    );
    responses.forEach((response, i) => {
      const rows = 1 + (i % 3);
      expect(int32sOf(response, 0)).toEqual(Array.from({ length: 16 * rows }, (_, k) => i * 100 + k + 1));
    });
    const after = await statistics('simple');
    const rows = Array.from({ length: 64 }, (_, i) => 1 + (i % 3)).reduce((a, b) => a + b);
    expect(after.inference - before.inference).toBe(rows);
    expect(after.execution - before.execution).toBeLessThan(64);
    expect(after.batchSizes.some((size) => size > 3)).toBe(true);
    expect(Math.max(...after.batchSizes)).toBeLessThanOrEqual(8);
  });

  it('of different models do not wait for each other’s mistakes', async () => {
    const results = await Promise.allSettled([
      server.client.infer(simpleRequest(1)),
      server.client.infer({ ...simpleRequest(1), model_name: 'nope' }),
      server.client.infer(identityRequest('identity', [7])),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  async function statistics(
    name: string,
  ): Promise<{ inference: number; execution: number; batchSizes: number[] }> {
    const { model_stats: stats } = (await server.client.call('ModelStatistics', { name })) as {
      model_stats: {
        inference_count: string;
        execution_count: string;
        batch_stats: { batch_size: string }[];
      }[];
    };
    const model = stats[0];
    return {
      inference: Number(model?.inference_count),
      execution: Number(model?.execution_count),
      batchSizes: (model?.batch_stats ?? []).map((batch) => Number(batch.batch_size)),
    };
  }
});

describe('a string with a NUL byte', () => {
  it('passes the identity backend whole', async () => {
    const data = bytesElement(Buffer.from('a\0b'));
    const failure = await server.client.failure('ModelInfer', {
      model_name: 'identity',
      inputs: [{ name: 'INPUT0', datatype: 'BYTES', shape: [1, 1] }],
      raw_input_contents: [data],
    });
    expect(failure.details).toContain("data-type is 'BYTES', but model 'identity' expects 'FP32'");
  });
});
