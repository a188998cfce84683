import { classesOf, InferenceClient, InferenceError, type InferRequest, tensor } from 'naiad-client';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { facePicture } from './support/server.js';

const client = new InferenceClient(inject('address'));
afterAll(() => client.close());

const WAITS: InferRequest = { model: 'patient', inputs: [tensor.fp32('INPUT0', [1, 1], [1])] };
const SIMPLE: InferRequest = {
  model: 'simple',
  id: 'sums',
  inputs: [
    tensor.int32('INPUT0', [1, 16], Array(16).fill(3)),
    tensor.int32('INPUT1', [1, 16], Array(16).fill(1)),
  ],
};

describe('infer', () => {
  test('a picture', async () => {
    const result = await client.infer({
      model: 'face_emotion',
      inputs: [tensor.bytes('image', [1], [facePicture()])],
      outputs: [{ name: 'probabilities', classes: 2 }],
    });
    const [[best, next] = []] = classesOf(result.output('probabilities'));
    expect(best).toMatchObject({ index: 1, label: 'happy' });
    expect(best?.value).toBeGreaterThan(0.99);
    expect(next?.value).toBeLessThan(0.01);
  });

  test('numbers; only the output that is asked for', async () => {
    const result = await client.infer({ ...SIMPLE, version: 1, outputs: ['OUTPUT1'] });
    expect([result.model, result.version, result.id]).toEqual(['simple', '1', 'sums']);
    expect(result.outputs.map(({ name }) => name)).toEqual(['OUTPUT1']);
    expect([...result.output('OUTPUT1', 'INT32').data]).toEqual(Array(16).fill(2));
  });

  test('classes without labels', async () => {
    const result = await client.infer({ ...SIMPLE, outputs: [{ name: 'OUTPUT0', classes: 1 }] });
    expect(classesOf(result.output('OUTPUT0'))).toEqual([[{ index: 0, value: 4, label: null }]]);
    const values = await client.infer(SIMPLE);
    expect(() => classesOf(values.output('OUTPUT0'))).toThrow("output 'OUTPUT0' holds no classes");
  });

  test('a mistake', async () => {
    const failed = client.infer({ ...SIMPLE, model: 'no_such_model' });
    await expect(failed).rejects.toThrow(InferenceError);
    await expect(failed).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: "Request for unknown model: 'no_such_model' is not found",
    });
  });

  test('a deadline', async () => {
    await expect(client.infer(WAITS, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
  });

  test('an abort', async () => {
    const abort = new AbortController();
    const waiting = client.infer(WAITS, { signal: abort.signal });
    setImmediate(() => abort.abort(new Error('not wanted any more')));
    await expect(waiting).rejects.toThrow('not wanted any more');
    await expect(client.infer(WAITS, { signal: abort.signal })).rejects.toThrow('not wanted any more');
  });

  test('a queue that is full, and when to come back', async () => {
    // Two rows make a batch, but only one may wait: of two requests one is refused.
    const request = { ...WAITS, model: 'patient_for_one' };
    const abort = new AbortController();
    const options = { retry: false, signal: abort.signal } as const;
    const both = [client.infer(request, options), client.infer(request, options)];
    const refused = Promise.any(
      both.map((each) =>
        each.then(
          () => 'answered',
          (error: unknown) => error,
        ),
      ),
    );
    await expect(refused).resolves.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'QUEUE_FULL',
      retry: { isForbidden: false, pauseMs: 100 },
    });
    abort.abort();
    await Promise.allSettled(both);
  });

  test('a server that is not there', async () => {
    const nobody = new InferenceClient('127.0.0.1:1', { retry: false });
    await expect(nobody.infer(SIMPLE)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    nobody.close();
  });
});

describe('questions', () => {
  test('health', async () => {
    expect(await client.isLive()).toBe(true);
    expect(await client.isReady()).toBe(true);
    expect(await client.isModelReady('simple')).toBe(true);
    expect(await client.isModelReady('simple', 7)).toBe(false);
    expect(await client.health()).toBe('SERVING');
    await expect(client.health('no_such_model')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('metadata', async () => {
    expect((await client.serverMetadata()).extensions).toContain('model_repository');
    const metadata = await client.modelMetadata('face_emotion', 3);
    expect(metadata).toMatchObject({ name: 'face_emotion', versions: ['3'] });
    expect(metadata.inputs).toEqual([{ name: 'image', datatype: 'UINT8', shape: [-1, 112, 112, 3] }]);
  });

  test('configuration', async () => {
    const config = await client.modelConfig('patient');
    expect(config.maxBatchSize).toBe(2);
    expect(config.dynamicBatching?.maxQueueDelayMicroseconds).toBe(60_000_000);
    expect(config.input[0]?.dataType).toBe('TYPE_FP32');
  });

  test('statistics', async () => {
    const count = async (): Promise<number> => {
      const [one] = await client.modelStatistics('simple', 1);
      return one?.inferenceStats?.success?.count ?? 0;
    };
    const before = await count();
    await client.infer(SIMPLE);
    await expect.poll(count).toBeGreaterThan(before);
  });
});

describe('repository', () => {
  const stateOf = async (model: string): Promise<string | undefined> =>
    (await client.repository.index()).find(({ name }) => name === model)?.state;

  test('unload and load', async () => {
    const watched = client.watchHealth('identity');
    expect((await watched.next()).value).toBe('SERVING');

    await client.repository.unload('identity');
    expect(await stateOf('identity')).toBe('UNAVAILABLE');
    expect((await client.repository.index({ readyOnly: true })).map(({ name }) => name)).not.toContain(
      'identity',
    );
    expect((await watched.next()).value).toBe('NOT_SERVING');

    await client.repository.load('identity');
    expect(await stateOf('identity')).toBe('READY');
    expect((await watched.next()).value).toBe('SERVING');
    await watched.return();
  });

  test('a configuration in place of the one in the repository, and back', async () => {
    const maxBatchSize = async (): Promise<number> =>
      (await client.modelConfig('face_embedding')).maxBatchSize;
    const before = await maxBatchSize();
    await client.repository.load('face_embedding', { config: { max_batch_size: 3 } });
    expect(await maxBatchSize()).toBe(3);
    await client.repository.load('face_embedding', { rollback: true });
    expect(await maxBatchSize()).toBe(before);
  });

  test('files in place of the folder', async () => {
    const io = { name: 'x', data_type: 'TYPE_FP32', dims: [-1] };
    await client.repository.load('from_files', {
      config: JSON.stringify({
        backend: 'identity',
        input: [{ ...io, name: 'INPUT0' }],
        output: [{ ...io, name: 'OUTPUT0' }],
      }),
      files: { '1/weights.bin': Buffer.from('view of more').subarray(0, 4) },
    });
    const result = await client.infer({ model: 'from_files', inputs: [tensor.fp32('INPUT0', [1], [5])] });
    expect([...result.output('OUTPUT0', 'FP32').data]).toEqual([5]);
    await client.repository.unload('from_files', { unloadDependents: true });
  });

  test('a load that fails', async () => {
    await expect(client.repository.load('no_such_model')).rejects.toThrow("failed to load 'no_such_model'");
  });
});

describe('a watch of the health', () => {
  test('ends when it is aborted', async () => {
    const abort = new AbortController();
    const watched = client.watchHealth('', { signal: abort.signal });
    expect((await watched.next()).value).toBe('SERVING');
    const next = watched.next();
    abort.abort(new Error('seen enough'));
    await expect(next).rejects.toThrow('seen enough');
  });
});
