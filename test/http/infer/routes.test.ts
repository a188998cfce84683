import { once } from 'node:events';
import { request as send } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServingError } from '#naiad/errors/serving-error.js';
import type { InferRequest } from '#naiad/inference/request.js';
import type { EmitResponse, InferResponse, StreamedResponse } from '#naiad/inference/response.js';
import type { TensorMetadata } from '#naiad/service/views.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { joinBytes } from '#naiad/tensor/bytes.js';
import { aModelConfig } from '../../support/memory-service.js';
import { type Reply, TestDoor } from '../harness.js';

let door: TestDoor;
beforeEach(async () => {
  door = await TestDoor.open();
});
afterEach(() => door.close());

const HEADER = 'Inference-Header-Content-Length';

/** An input of one row of bytes. */
const input = (name: string, rest: object): object => ({ name, datatype: 'UINT8', shape: [1, 2], ...rest });
const binary = (byteSize: number): object => ({ parameters: { binary_data_size: byteSize } });

function infer(json: object | string, tail: Uint8Array = Buffer.alloc(0), path = 'echo'): Promise<Reply> {
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  const headers = tail.length === 0 ? {} : { [HEADER.toLowerCase()]: Buffer.byteLength(text) };
  return door.ask('POST', `/v2/models/${path}/infer`, Buffer.concat([Buffer.from(text), tail]), { headers });
}

function serves(inputs: readonly TensorMetadata[], maxBatchSize = 0): void {
  door.service.modelMetadata = (name) => ({ name, versions: ['1'], platform: '', inputs, outputs: [] });
  door.service.config = aModelConfig({ max_batch_size: maxBatchSize });
}

describe('infer', () => {
  it('answers JSON with JSON', async () => {
    const reply = await infer({ id: 'ü"1', inputs: [input('A', { data: [[7, 8]] })] });
    expect(reply.status).toBe(200);
    expect(reply.headers['content-type']).toBe('application/json');
    expect(reply.headers[HEADER.toLowerCase()]).toBe(undefined);
    expect(reply.text).toBe(
      '{"id":"ü\\"1","model_name":"echo","model_version":"1","outputs":[{"name":"OUTPUT0","datatype":"UINT8","shape":[1,2],"data":[7,8]}]}',
    );
  });

  it('takes binary tensors as views and gives them back behind the JSON', async () => {
    const reply = await infer(
      {
        inputs: [input('A', binary(2)), input('B', { data: [5, 6] }), input('C', binary(2))],
        parameters: { binary_data_output: true },
      },
      Buffer.from([1, 2, 3, 4]),
    );
    expect(reply.headers['content-type']).toBe('application/octet-stream');
    const length = Number(reply.headers[HEADER.toLowerCase()]);
    expect(JSON.parse(reply.body.toString('utf8', 0, length))).toMatchObject({
      outputs: [
        { name: 'OUTPUT0', datatype: 'UINT8', shape: [1, 2], parameters: { binary_data_size: 2 } },
        { name: 'OUTPUT1' },
        { name: 'OUTPUT2' },
      ],
    });
    expect([...reply.body.subarray(length)]).toEqual([1, 2, 5, 6, 3, 4]);
    const [seen] = door.service.requests;
    const [first, , third] = seen?.inputs ?? [];
    expect(first?.data.buffer).toBe(third?.data.buffer);
  });

  it('mixes binary and JSON outputs as asked', async () => {
    const reply = await infer(
      {
        inputs: [input('A', binary(2)), input('B', binary(2))],
        outputs: [{ name: 'OUTPUT1', parameters: { binary_data: true } }, { name: 'OUTPUT0' }],
        // For outputs that are not listed.
        parameters: { binary_data_output: true },
      },
      Buffer.from([1, 2, 3, 4]),
    );
    const length = Number(reply.headers[HEADER.toLowerCase()]);
    expect(JSON.parse(reply.body.toString('utf8', 0, length)).outputs).toEqual([
      { name: 'OUTPUT0', datatype: 'UINT8', shape: [1, 2], data: [1, 2] },
      { name: 'OUTPUT1', datatype: 'UINT8', shape: [1, 2], parameters: { binary_data_size: 2 } },
    ]);
    expect([...reply.body.subarray(length)]).toEqual([3, 4]);
  });

  it('hands over all that a request says', async () => {
    await infer({
      id: 'r',
      inputs: [
        { ...input('A', {}), parameters: { shared_memory_region: 'in', shared_memory_byte_size: 2 } },
        input('B', { data: [1, 2] }),
      ],
      outputs: [
        { name: 'O', parameters: { classification: 3 } },
        {
          name: 'P',
          parameters: { shared_memory_region: 'out', shared_memory_byte_size: 9, shared_memory_offset: 1 },
        },
      ],
      parameters: { sequence_id: 's', sequence_start: true, priority: 2, timeout: 3, custom: 'c' },
    });
    const [seen] = door.service.requests;
    expect(seen).toMatchObject({
      protocol: 'http',
      modelName: 'echo',
      modelVersion: '',
      id: 'r',
      options: { sequenceId: 's', sequenceStart: true, sequenceEnd: false, priority: 2, timeoutUs: 3 },
      inputs: [
        { name: 'A', byteLength: 0, sharedMemory: { region: 'in', offset: 0, byteSize: 2 } },
        { name: 'B', byteLength: 2, data: Buffer.from([1, 2]), owned: true },
      ],
      outputs: [
        { name: 'O', classification: 3 },
        { name: 'P', classification: 0, sharedMemory: { region: 'out', offset: 1, byteSize: 9 } },
      ],
      problems: { parameters: null, payload: null, outputs: null },
      deadlineNs: Number.POSITIVE_INFINITY,
    });
    expect(seen?.options.custom).toEqual(new Map([['custom', 'c']]));
  });

  it('knows its client', async () => {
    let peer = '';
    door.service.infer = async (asked) => {
      peer = asked.peer;
      return response(1);
    };
    await infer({ inputs: [] });
    expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('names the version that the path asks for', async () => {
    await infer({ inputs: [] }, undefined, 'echo/versions/3');
    expect(door.service.requests[0]).toMatchObject({ modelName: 'echo', modelVersion: '3' });
  });

  it.each([
    [7, "unexpected size for input 'A', expecting 1 additional bytes for model 'echo'"],
    [9, "unexpected additional input data for model 'echo'"],
  ])('refuses %d bytes for 8', async (bytes, error) => {
    const reply = await infer({ inputs: [input('A', binary(8))] }, Buffer.alloc(bytes));
    expect([reply.status, reply.headers['content-type'], reply.json]).toEqual([
      400,
      'application/json',
      { error },
    ]);
  });

  it.each(['-1', 'abc', '1.5', '0x5', '99', '99999999999999999999', ''])(
    'refuses %j bytes of JSON',
    async (length) => {
      const reply = await door.ask('POST', '/v2/models/echo/infer', '{"inputs":[]}', {
        headers: { [HEADER]: length },
      });
      const error = `inference header size should be in range (0, 13), got: ${length}`;
      expect([reply.status, reply.headers['content-type'], reply.json]).toEqual([
        400,
        'text/plain',
        { error },
      ]);
    },
  );

  it.each([
    [
      '{bad',
      'echo',
      400,
      'application/json',
      'failed to parse the request JSON buffer: Missing a name for object member. at 1',
    ],
    ['{bad', 'no_such', 404, 'text/plain', "Request for unknown model: 'no_such' is not found"],
    [
      '{"inputs":{}}',
      'echo',
      400,
      'application/json',
      "Unable to parse 'inputs': attempt to access JSON non-array as array",
    ],
  ])('%s for %s', async (body, model, status, type, error) => {
    const reply = await infer(body, undefined, model);
    expect([reply.status, reply.headers['content-type'], reply.json]).toEqual([status, type, { error }]);
  });

  it('refuses outputs that JSON can not carry', async () => {
    const half = { name: 'A', datatype: 'FP16', shape: [1], parameters: { binary_data_size: 2 } };
    const text = { name: 'A', datatype: 'BYTES', shape: [1], parameters: { binary_data_size: 6 } };
    expect((await infer({ inputs: [half] }, Buffer.alloc(2))).json).toEqual({
      error: 'sending FP16 data via JSON is not supported. Please use the binary data format for output',
    });
    expect((await infer({ inputs: [text] }, joinBytes([Buffer.from([0xff, 0xfe])]))).json).toMatchObject({
      error: expect.stringContaining('no UTF-8 text'),
    });
  });

  it('refuses an answer that there is no room for', async () => {
    const small = await TestDoor.open({ limits: { ...LIMITS, inFlightBytesMax: 1 << 20 } });
    // Two bytes become six.
    const data = Buffer.alloc(300_000, 0xff);
    const text = JSON.stringify({
      inputs: [
        { name: 'A', datatype: 'UINT16', shape: [150_000], parameters: { binary_data_size: data.length } },
      ],
    });
    const headers = { [HEADER]: text.length };
    const reply = await small.ask('POST', '/v2/models/echo/infer', Buffer.concat([Buffer.from(text), data]), {
      headers,
    });
    await small.close();
    expect([reply.status, reply.json]).toEqual([
      503,
      { error: `Exceeds the limit of ${1 << 20} bytes of requests in flight` },
    ]);
  });

  it('logs what is wrong with the server, and hides it', async () => {
    door.service.infer = () => Promise.reject(new TypeError('secret'));
    const reply = await infer({ inputs: [] });
    expect([reply.status, reply.json]).toEqual([500, { error: 'internal error, see the log of the server' }]);
    expect(door.log.lines).toMatchObject([{ level: 'error' }]);
  });
});

describe('a raw request', () => {
  const raw = (body: Uint8Array): Promise<Reply> =>
    door.ask('POST', '/v2/models/echo/infer', body, { headers: { [HEADER]: '0' } });

  it('fills the one variable dimension of one row', async () => {
    serves([{ name: 'IN', datatype: 'INT16', shape: [-1, 2, -1] }], 8);
    const reply = await raw(Buffer.from([1, 0, 2, 0, 3, 0, 4, 0]));
    expect(door.service.requests[0]?.inputs).toMatchObject([
      { name: 'IN', datatype: 'INT16', shape: [1, 2, 2] },
    ]);
    expect(reply.headers['content-type']).toBe('application/octet-stream');
    expect([...reply.body.subarray(Number(reply.headers[HEADER.toLowerCase()]))]).toEqual([
      1, 0, 2, 0, 3, 0, 4, 0,
    ]);
  });

  it('is one text', async () => {
    serves([{ name: 'IN', datatype: 'BYTES', shape: [-1, 1] }], 8);
    await raw(Buffer.from('hello'));
    expect(door.service.requests[0]?.inputs).toMatchObject([
      { shape: [1, 1], data: joinBytes([Buffer.from('hello')]) },
    ]);
  });

  const input: TensorMetadata = { name: 'IN', datatype: 'FP32', shape: [2, -1] };
  it.each<[string, readonly TensorMetadata[], string]>([
    [
      'bytes that are no elements',
      [input],
      "input byte size mismatch for input 'raw_input' for model 'echo'. Expected 0, got 5",
    ],
    [
      'two variable dimensions',
      [{ ...input, shape: [-1, -1] }],
      "The shape of the raw input 'IN' can not be deduced because there are more than one variable-sized dimension",
    ],
    [
      'two inputs',
      [input, input],
      "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'echo' model configuration",
    ],
    [
      'a text for many',
      [{ name: 'IN', datatype: 'BYTES', shape: [-1] }],
      "For BYTE datatype raw input 'IN', the model must have input shape [1]",
    ],
  ])('refuses %s', async (_what, inputs, error) => {
    serves(inputs);
    expect((await raw(Buffer.from('12345'))).json).toEqual({ error: `[request id: <id_unknown>] ${error}` });
  });
});

/** Gives `responses` one after the other. */
function streams(...responses: readonly (StreamedResponse | ServingError)[]): void {
  door.service.inferStream = async (request: InferRequest, emit: EmitResponse) => {
    await door.service.infer(request);
    for (const response of responses) {
      if (response instanceof ServingError) throw response;
      await emit(response);
    }
  };
}

const response = (...values: readonly number[]): InferResponse => ({
  modelName: 'echo',
  modelVersion: '1',
  id: '',
  parameters: new Map<string, boolean | bigint>([
    ['sequence_id', 0n],
    ['sequence_start', false],
  ]),
  outputs: [
    {
      name: 'out',
      datatype: 'INT8',
      shape: [values.length],
      data: Int8Array.from(values) as unknown as Uint8Array,
    },
  ],
});
const part = (...values: readonly number[]): StreamedResponse => ({
  response: response(...values),
  isFinal: false,
});
const END: StreamedResponse = { response: null, isFinal: true };
const text = (value: string): string =>
  `{"model_name":"echo","model_version":"1","out":${value},"sequence_id":0,"sequence_start":false}`;

const generate = (body: string, kind = 'generate'): Promise<Reply> =>
  door.ask('POST', `/v2/models/echo/${kind}`, body);
const ONE_RESPONSE =
  'generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses';

describe('generate', () => {
  beforeEach(() => serves([{ name: 'IN', datatype: 'FP32', shape: [-1, 1] }]));

  it('maps members to tensors and back', async () => {
    const reply = await generate('{"IN":3.5,"id":"g","temperature":0.5}');
    expect([reply.status, reply.headers['content-type'], reply.text]).toEqual([
      200,
      'application/json',
      '{"OUTPUT0":3.5,"id":"g","model_name":"echo","model_version":"1"}',
    ]);
    expect(door.service.requests[0]?.options.custom).toEqual(new Map([['temperature', 0.5]]));
  });

  it.each([
    ['[1,2]', [part(1, 2), END], text('[1,2]')],
    ['7', [part(7)], text('7')],
    ['nothing at all', [part()], text('[]')],
  ])('answers with %s', async (_what, responses, body) => {
    streams(...responses);
    expect((await generate('{"IN":1}')).text).toBe(body);
  });

  it.each([
    ['none', [END]],
    ['two', [part(1), part(2), END]],
  ])('refuses a model that gives %s', async (_what, responses) => {
    streams(...responses);
    const reply = await generate('{"IN":1}');
    expect([reply.status, reply.json]).toEqual([400, { error: ONE_RESPONSE }]);
  });

  it('says what is wrong with the model before the JSON', async () => {
    door.service.modelMetadata = () => {
      throw new ServingError('NOT_FOUND', 'of the lookup');
    };
    door.service.models.delete('echo');
    const reply = await generate('{bad');
    expect([reply.status, reply.headers['content-type'], reply.json]).toEqual([
      404,
      'application/json',
      { error: "Request for unknown model: 'echo' is not found" },
    ]);
  });
});

describe('generate_stream', () => {
  beforeEach(() => serves([{ name: 'IN', datatype: 'FP32', shape: [-1, 1] }]));

  it('sends each response as an event', async () => {
    streams(part(1), part(2, 3), END);
    const reply = await generate('{"IN":1}', 'generate_stream');
    expect([reply.status, reply.headers['content-type'], reply.text]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      `data: ${text('1')}\n\ndata: ${text('[2,3]')}\n\n`,
    ]);
  });

  it('may be empty', async () => {
    streams(END);
    const reply = await generate('{"IN":1}', 'generate_stream');
    expect([reply.status, reply.text]).toEqual([200, '']);
  });

  it('has the status of an error that comes first', async () => {
    streams(new ServingError('UNAVAILABLE', 'full'));
    const reply = await generate('{"IN":1}', 'generate_stream');
    expect([reply.status, reply.headers['content-type'], reply.json]).toEqual([
      503,
      'application/json',
      { error: 'full' },
    ]);
  });

  it('tells of an error that comes later in an event', async () => {
    streams(part(1), new ServingError('UNAVAILABLE', 'gone'));
    const reply = await generate('{"IN":1}', 'generate_stream');
    expect([reply.status, reply.text]).toEqual([200, `data: ${text('1')}\n\ndata: {"error":"gone"}\n\n`]);
  });

  it('sends a response when it is there, and is cancelled with its client', async () => {
    let seen: InferRequest | undefined;
    const ended = new Promise<unknown>((resolve) => {
      door.service.inferStream = async (request, emit) => {
        seen = request;
        try {
          await emit(part(1));
          await new Promise<void>((cancel) => request.cancellation.onCancel(cancel));
          await emit(part(2));
        } catch (error) {
          resolve(error);
          throw error;
        }
      };
    });
    const sent = send({
      host: '127.0.0.1',
      port: door.port,
      method: 'POST',
      path: '/v2/models/echo/generate_stream',
    });
    sent.on('error', () => {});
    sent.end('{"IN":1}');
    const [reply] = await once(sent, 'response');
    const [first] = await once(reply, 'data');
    expect(String(first)).toBe(`data: ${text('1')}\n\n`);
    reply.on('error', () => {});
    sent.destroy();
    expect(await ended).toMatchObject({ code: 'CANCELLED' });
    expect(seen?.cancellation.cancelled).toBe(true);
    expect(door.log.lines).toEqual([]);
  });
});

it.each(['infer', 'generate', 'generate_stream'])('%s is asked with POST', async (kind) => {
  const reply = await door.ask('GET', `/v2/models/echo/${kind}`);
  expect([reply.status, reply.json]).toEqual([405, { error: 'Method Not Allowed' }]);
});
