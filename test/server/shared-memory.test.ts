import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../support/client.js';
import { bytesElement, int32, int32sOf, simpleRequest } from '../support/messages.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { BUNDLED_MODELS, startTestServer, type TestServer } from '../support/server.js';
import { ClientObject, HAS_SHARED_MEMORY } from '../support/shared-memory.js';

const OBJECT_BYTES = 8 << 20;
const STRINGS = identityConfig().replaceAll('TYPE_FP32', 'TYPE_STRING');
/** A request waits for a second one. */
const PAIRS = identityConfig(
  {},
  'dynamic_batching { preferred_batch_size: [ 2 ] max_queue_delay_microseconds: 600000000 }',
);
const WORDS = Buffer.concat(['Größe', '', 'b', 'cc'].map((word) => bytesElement(Buffer.from(word))));

let repository: TestRepository;
let server: TestServer;
let object: ClientObject;

beforeAll(async () => {
  repository = new TestRepository({
    ...identityModel('floats', identityConfig()),
    ...identityModel('strings', STRINGS),
    ...identityModel('pairs', PAIRS),
    'simple/config.pbtxt': readFileSync(`${BUNDLED_MODELS}/simple/config.pbtxt`),
    'simple/1/model.onnx': readFileSync(`${BUNDLED_MODELS}/simple/1/model.onnx`),
  });
  server = await startTestServer({
    modelRepositories: [repository.directory],
    allowClientSharedMemory: true,
  });
});

afterAll(async () => {
  await server.stop();
  repository.remove();
});

const register = (request: Message): Promise<Message> =>
  server.client.call('SystemSharedMemoryRegister', request);
const regionsOf = (kind: string, name = ''): Promise<Message> =>
  server.client.call(`${kind}SharedMemoryStatus`, { name });

/** Parameters of a tensor that lies in region `r`. */
function shared(offset: number, byteSize: number): Message {
  return {
    parameters: {
      shared_memory_region: { string_param: 'r' },
      shared_memory_byte_size: { int64_param: byteSize },
      ...(offset > 0 && { shared_memory_offset: { int64_param: offset } }),
    },
  };
}

/** A request to `simple`: INPUT0 at 0 and INPUT1 at 64 of region `r`. */
function sharedSimple(extra: Message = {}): Message {
  const input = (index: number): Message => ({
    name: `INPUT${index}`,
    datatype: 'INT32',
    shape: [1, 16],
    ...shared(64 * index, 64),
  });
  return { model_name: 'simple', inputs: [input(0), input(1)], ...extra };
}

describe.skipIf(!HAS_SHARED_MEMORY)('shared memory of a client', () => {
  beforeEach(async () => {
    object = new ClientObject(Buffer.alloc(OBJECT_BYTES));
    const counting = Array.from({ length: 16 }, (_, i) => i);
    object.write(0, int32(...counting, ...counting.map(() => 1)));
    await register({ name: 'r', key: object.key, byte_size: OBJECT_BYTES });
  });

  afterEach(async () => {
    await server.client.call('SystemSharedMemoryUnregister');
    object.close();
  });

  const PLUS_ONE = Array.from({ length: 16 }, (_, i) => i + 1);
  const MINUS_ONE = Array.from({ length: 16 }, (_, i) => i - 1);

  it('is told and forgotten', async () => {
    const region = { name: 'r', key: object.key, offset: '0', byte_size: String(OBJECT_BYTES) };
    expect(await regionsOf('System')).toEqual({ regions: { r: region } });
    expect(await regionsOf('System', 'r')).toEqual({ regions: { r: region } });
    expect(await regionsOf('Cuda')).toEqual({ regions: {} });
    await server.client.call('SystemSharedMemoryUnregister', { name: 'r' });
    expect(await regionsOf('System')).toEqual({ regions: {} });
    await expect(regionsOf('System', 'r')).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "Unable to find system shared memory region: 'r'",
    });
  });

  it('holds inputs', async () => {
    const response = await server.client.infer(sharedSimple());
    expect([int32sOf(response, 0), int32sOf(response, 1)]).toEqual([PLUS_ONE, MINUS_ONE]);
    object.write(64, int32(...Array.from({ length: 16 }, () => 2)));
    expect(int32sOf(await server.client.infer(sharedSimple()), 0)[0]).toBe(2);
  });

  it('holds outputs, beside others in the answer', async () => {
    const response = await server.client.infer(
      sharedSimple({ outputs: [{ name: 'OUTPUT0', ...shared(4096, 64) }, { name: 'OUTPUT1' }] }),
    );
    expect(response.outputs).toMatchObject([
      { name: 'OUTPUT0', datatype: 'INT32', shape: ['1', '16'], parameters: {} },
      { name: 'OUTPUT1' },
    ]);
    expect(response.raw_output_contents).toMatchObject([Buffer.alloc(0), { length: 64 }]);
    expect(int32sOf(response, 1)).toEqual(MINUS_ONE);
    expect(object.read(4096, 64)).toEqual(int32(...PLUS_ONE));
    expect(object.read(4160, 64)).toEqual(Buffer.alloc(64));
  });

  it('holds one input while the message carries the other', async () => {
    const plain = simpleRequest(5);
    const [first] = plain.inputs as Message[];
    const [, second] = sharedSimple().inputs as Message[];
    const [raw] = plain.raw_input_contents as Buffer[];
    const response = await server.client.infer({
      model_name: 'simple',
      inputs: [second, first],
      raw_input_contents: [raw],
    });
    expect(int32sOf(response, 0)).toEqual(PLUS_ONE.map((value) => value + 5));
  });

  it('is batched with requests that carry their data', async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        server.client.infer(i % 2 === 0 ? sharedSimple() : simpleRequest(100)),
      ),
    );
    answers.forEach((answer, i) => {
      expect(int32sOf(answer, 0)).toEqual(PLUS_ONE.map((value) => value + (i % 2 === 0 ? 0 : 100)));
    });
  });

  it('holds large tensors, in both directions', async () => {
    const bytes = 3 << 20;
    const values = Buffer.from(Float32Array.from({ length: bytes / 4 }, (_, i) => i).buffer);
    object.write(12, values);
    await server.client.infer({
      model_name: 'floats',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [3, bytes / 12], ...shared(12, bytes) }],
      outputs: [{ name: 'OUTPUT0', ...shared(4 << 20, bytes) }],
    });
    expect(object.read(4 << 20, bytes).equals(values)).toBe(true);
  });

  const strings = (byteSize: number, extra: Message = {}): Message => ({
    model_name: 'strings',
    inputs: [{ name: 'INPUT0', datatype: 'BYTES', shape: [1, 4], ...shared(256, byteSize) }],
    ...extra,
  });

  it('holds strings', async () => {
    object.write(256, WORDS);
    const response = await server.client.infer(strings(WORDS.length));
    expect((response.raw_output_contents as Buffer[])[0]).toEqual(WORDS);
    await server.client.infer(strings(WORDS.length, { outputs: [{ name: 'OUTPUT0', ...shared(512, 99) }] }));
    expect(object.read(512, WORDS.length + 4)).toEqual(Buffer.concat([WORDS, Buffer.alloc(4)]));
  });

  it.each([
    [WORDS.length + 4, 'unexpected number of string elements 5'],
    [WORDS.length + 2, 'expecting 4 bytes but only 2 bytes available'],
    [WORDS.length - 1, 'expecting string of length 2 but only 1 bytes available'],
  ])('refuses strings that do not end with their %i bytes', async (byteSize, text) => {
    object.write(256, WORDS);
    await expect(server.client.infer(strings(byteSize))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining(text),
    });
  });

  it.each<[string, Message, number, string]>([
    [
      'an input of another size',
      { inputs: [{ ...shared(0, 60) }] },
      status.INVALID_ARGUMENT,
      'Expected 64, got 60',
    ],
    [
      'an input behind the region',
      { inputs: [{ ...shared(OBJECT_BYTES, 64) }] },
      status.INVALID_ARGUMENT,
      "Invalid offset for shared memory region: 'r'",
    ],
    [
      'an input that reaches over the region',
      { inputs: [{ ...shared(OBJECT_BYTES - 8, 64) }] },
      status.INVALID_ARGUMENT,
      "Invalid offset + byte size for shared memory region: 'r'",
    ],
    [
      'an output that reaches over the region',
      { outputs: [{ name: 'OUTPUT0', ...shared(OBJECT_BYTES - 8, 64) }] },
      status.INVALID_ARGUMENT,
      "Invalid offset + byte size for shared memory region: 'r'",
    ],
    [
      'too little room for an output',
      { outputs: [{ name: 'OUTPUT0', ...shared(256, 63) }] },
      status.INTERNAL,
      "shared memory size specified with the request for output 'OUTPUT0' (63 bytes) should be at least 64 bytes to hold the results",
    ],
  ])('refuses %s', async (_what, { inputs, outputs }, code, details) => {
    const request = sharedSimple(outputs === undefined ? {} : { outputs });
    const [given] = (inputs ?? []) as Message[];
    if (given !== undefined) Object.assign((request.inputs as Message[])[0] as Message, given);
    await expect(server.client.infer(request)).rejects.toMatchObject({
      code,
      details: expect.stringContaining(details),
    });
    // The region is free, and the server well.
    expect(int32sOf(await server.client.infer(sharedSimple()), 0)).toEqual(PLUS_ONE);
  });

  it('may be cut short at any time', async () => {
    const answers: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round++) {
      truncateSync(object.path, round % 2 === 0 ? 100 : OBJECT_BYTES);
      answers.push(
        server.client
          .infer(sharedSimple({ outputs: [{ name: 'OUTPUT0', ...shared(4096, 64) }] }))
          .catch(({ code, details }) => [code, details]),
      );
      if (round % 8 === 0) await answers.at(-1);
    }
    const CUT = [status.INTERNAL, "shared memory region 'r' is no longer as large as it was registered"];
    for (const answer of await Promise.all(answers)) {
      if (Array.isArray(answer)) expect(answer).toEqual(CUT);
    }
    expect(await answers[0]).toEqual(CUT);
  });

  it('is read as it was registered after its object was unlinked', async () => {
    object.unlink();
    writeFileSync(object.path, 'another object');
    expect(int32sOf(await server.client.infer(sharedSimple()), 0)).toEqual(PLUS_ONE);
  });

  it('stays until the requests that use it are answered, and takes no more', async () => {
    const waiting = server.client.infer({
      model_name: 'pairs',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 16], ...shared(0, 64) }],
      outputs: [{ name: 'OUTPUT0', ...shared(4096, 64) }],
    });
    await expect.poll(() => server.server.status().leases, { timeout: 30_000 }).toBe(1);
    await server.client.call('SystemSharedMemoryUnregister', { name: 'r' });
    expect(await regionsOf('System')).toMatchObject({ regions: { r: {} } });
    await expect(server.client.infer(sharedSimple())).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "Unable to find shared memory region: 'r'",
    });
    await server.client.infer({
      model_name: 'pairs',
      inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 16] }],
      raw_input_contents: [Buffer.alloc(64)],
    });
    await waiting;
    expect(object.read(4096, 64)).toEqual(object.read(0, 64));
    expect(await regionsOf('System')).toEqual({ regions: {} });
  });

  it('of a GPU is not to be had', async () => {
    await expect(
      server.client.call('CudaSharedMemoryRegister', {
        name: 'g',
        raw_handle: Buffer.alloc(64),
        byte_size: 1,
      }),
    ).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "failed to register CUDA shared memory region: 'g', GPUs not supported",
    });
    await expect(regionsOf('Cuda', 'r')).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: "The region named 'r' is registered as system shared memory, not CUDA shared memory",
    });
    await expect(regionsOf('Cuda', 'g')).rejects.toMatchObject({
      details: "Unable to find cuda shared memory region: 'g'",
    });
    expect(await server.client.call('CudaSharedMemoryUnregister')).toEqual({});
    expect(await server.client.call('CudaSharedMemoryUnregister', { name: 'r' })).toEqual({});
    expect(await regionsOf('System')).toMatchObject({ regions: { r: {} } });
  });

  it('is an extension that the server tells', async () => {
    const { extensions } = await server.client.call('ServerMetadata');
    expect(extensions).toEqual(expect.arrayContaining(['system_shared_memory', 'cuda_shared_memory']));
  });

  describe('over HTTP', () => {
    const ask = async (method: string, path: string, body?: string): Promise<unknown[]> => {
      const answer = await fetch(`${server.httpUrl}/v2/${path}`, {
        method,
        ...(body !== undefined && {
          body,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        }),
      });
      const text = await answer.text();
      return [answer.status, text === '' ? null : JSON.parse(text)];
    };

    it('is registered, told and forgotten', async () => {
      const other = new ClientObject(Buffer.alloc(8192));
      const body = JSON.stringify({ key: other.key, offset: 4096, byte_size: 4096 });
      expect(await ask('POST', 'systemsharedmemory/region/a%20b/register', body)).toEqual([200, null]);
      const a = { name: 'a b', key: other.key, offset: 4096, byte_size: 4096 };
      const r = { name: 'r', key: object.key, offset: 0, byte_size: OBJECT_BYTES };
      expect(await ask('GET', 'systemsharedmemory/status')).toEqual([200, [r, a]]);
      expect(await ask('GET', 'systemsharedmemory/region/a%20b/status')).toEqual([200, [a]]);
      expect(await ask('POST', 'systemsharedmemory/region/r/unregister')).toEqual([200, null]);
      expect(await ask('GET', 'systemsharedmemory/status')).toEqual([200, [a]]);
      expect(await ask('POST', 'systemsharedmemory/unregister')).toEqual([200, null]);
      expect(await ask('GET', 'systemsharedmemory/status')).toEqual([200, []]);
      other.close();
    });

    it.each<[path: string, body: string, code: number, error: unknown]>([
      [
        'register',
        '{"byte_size":64}',
        400,
        "'region name' is necessary to register system shared memory region",
      ],
      ['region/x/register', '{"byte_size":64}', 400, "Shared memory register request has no 'key' field"],
      ['region/x/register', '[]', 400, "Shared memory register request has no 'key' field"],
      ['region/x/register', '{"key":"/k"}', 400, "Shared memory register request has no 'byte_size' field"],
      ['region/x/register', '{"key":1,"byte_size":64}', 400, 'attempt to access JSON non-string as string'],
      ['region/x/register', '', 400, "Shared memory register request has no 'key' field"],
      ['region/x/register', '{', 400, expect.stringContaining('failed to parse the request JSON buffer: ')],
      ...['"64"', '-1', '1.5', 'null'].map((size): [string, string, number, unknown] => [
        'region/x/register',
        `{"key":"/k","byte_size":${size}}`,
        400,
        'attempt to access JSON non-unsigned-integer as unsigned-integer',
      ]),
      [
        'region/x/register',
        '{"key":"/k","byte_size":1e300}',
        500,
        "Unable to open shared memory region: '/k'",
      ],
    ])('refuses %s %s', async (path, body, code, error) => {
      expect(await ask('POST', `systemsharedmemory/${path}`, body)).toEqual([code, { error }]);
    });

    it('of a GPU is not to be had', async () => {
      expect(await ask('POST', 'cudasharedmemory/unregister')).toEqual([200, null]);
      expect(await ask('GET', 'cudasharedmemory/status')).toEqual([200, []]);
      expect(await ask('GET', 'cudasharedmemory/region/g/status')).toEqual([
        404,
        { error: "Unable to find cuda shared memory region: 'g'" },
      ]);
      expect(await ask('POST', 'cudasharedmemory/region/g/register', '{}')).toEqual([
        400,
        { error: "failed to register CUDA shared memory region: 'g', GPUs not supported" },
      ]);
    });
  });
});

describe('where clients may not use it', () => {
  const DISABLED = {
    code: status.UNIMPLEMENTED,
    details: "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to enable.",
  };
  let closed: TestServer;

  beforeAll(async () => {
    closed = await startTestServer({ modelRepositories: [repository.directory] });
  });
  afterAll(() => closed.stop());

  it.each([
    'SystemSharedMemoryStatus',
    'SystemSharedMemoryRegister',
    'SystemSharedMemoryUnregister',
    'CudaSharedMemoryStatus',
    'CudaSharedMemoryRegister',
    'CudaSharedMemoryUnregister',
  ])('%s says so', async (method) => {
    await expect(closed.client.call(method, { name: 'r' })).rejects.toMatchObject(DISABLED);
  });

  it('inference says so', async () => {
    await expect(closed.client.infer(sharedSimple())).rejects.toMatchObject(DISABLED);
    const outputs = [{ name: 'OUTPUT0', ...shared(0, 64) }];
    await expect(closed.client.infer(simpleRequest(0, 1, { outputs }))).rejects.toMatchObject(DISABLED);
  });

  it('HTTP says so', async () => {
    const answer = await fetch(`${closed.httpUrl}/v2/systemsharedmemory/status`);
    expect([answer.status, await answer.json()]).toEqual([501, { error: DISABLED.details }]);
  });
});
