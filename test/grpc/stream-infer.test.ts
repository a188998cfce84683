import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { answerErrors, outputErrors, queueErrors } from '#naiad/errors/catalogue.js';
import { asAnswer } from '#naiad/errors/serving-error.js';
import type { DoorLimits } from '#naiad/grpc/door.js';
import type { InferRequest } from '#naiad/inference/request.js';
import type { EmitResponse, InferResponse } from '#naiad/inference/response.js';
import { LIMITS } from '#naiad/settings/limits.js';
import type { Message } from '../support/client.js';
import { encodeRequest } from '../support/infer-protos.js';
import { fp32, fp32sOf } from '../support/messages.js';
import { type OpenStream, StreamClient } from '../support/stream-client.js';
import { type Harness, openHarness } from './harness.js';
import { framed, openCall, openSession } from './raw-stream.js';

const PATH = '/inference.GRPCInferenceService/ModelStreamInfer';

let harness: Harness;
let client: StreamClient;
let inferStream: Harness['service']['inferStream'];

beforeAll(async () => {
  harness = await openHarness();
  client = new StreamClient(harness.door.port);
  inferStream = harness.service.inferStream.bind(harness.service);
});

afterAll(async () => {
  client.close();
  await harness.door.close(0);
});

afterEach(() => {
  harness.service.inferStream = inferStream;
  harness.service.requests.length = 0;
  harness.service.decoupled.clear();
  harness.log.lines.length = 0;
});

const echo = (id: string, values: number[] = [1], extra: Message = {}): Message => ({
  model_name: 'echo',
  id,
  inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [values.length] }],
  raw_input_contents: [fp32(...values)],
  ...extra,
});

/** Requests that wait in a service until the test answers them. */
class Held {
  readonly arrived: InferRequest[] = [];
  readonly #answers = new Map<string, { readonly emit: EmitResponse; settle(error?: unknown): void }>();
  readonly #service: Harness['service'];
  #wake: () => void = () => {};

  constructor({ service }: Harness) {
    this.#service = service;
    service.inferStream = (request, emit) =>
      new Promise<void>((resolve, reject) => {
        this.arrived.push(request);
        this.#answers.set(request.id, {
          emit,
          settle: (error) => (error === undefined ? resolve() : reject(error)),
        });
        this.#wake();
      });
  }

  /** Resolves when `count` requests have arrived. */
  async has(count: number): Promise<void> {
    while (this.arrived.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async emit(id: string, values: number[], isFinal: boolean): Promise<void> {
    await this.#of(id).emit({ response: anAnswer(id, values), isFinal });
  }

  async answer(id: string): Promise<void> {
    const { emit, settle } = this.#of(id);
    const request = this.arrived.find((candidate) => candidate.id === id);
    if (request === undefined) throw new Error(`no request ${id}`);
    await emit({ response: await this.#service.infer(request), isFinal: true });
    settle();
  }

  async end(id: string): Promise<void> {
    const { emit, settle } = this.#of(id);
    await emit({ response: null, isFinal: true });
    settle();
  }

  fail(id: string, error: unknown): void {
    this.#of(id).settle(error);
  }

  #of(id: string) {
    const found = this.#answers.get(id);
    if (found === undefined) throw new Error(`no request ${id}`);
    return found;
  }
}

function anAnswer(id: string, values: number[]): InferResponse {
  return {
    modelName: 'echo',
    modelVersion: '1',
    id,
    parameters: new Map(),
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [values.length], data: fp32(...values) }],
  };
}

async function nextIds(stream: OpenStream, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push((await stream.next()).id);
  return ids;
}

describe('a stream', () => {
  it('without requests ends well', async () => {
    expect(await client.exchange([])).toMatchObject({ code: 'OK', answers: [] });
  });

  it('answers with the tensors of the service, each the last of its request', async () => {
    const { code, answers } = await client.exchange([echo('a', [1.5, -2]), echo('b', [3])]);
    expect(code).toBe('OK');
    expect(answers).toMatchObject([
      { id: 'a', error: '', final: true, response: { model_name: 'echo', model_version: '1' } },
      { id: 'b', error: '', final: true },
    ]);
    expect(answers.map(({ response }) => fp32sOf(response, 0))).toEqual([[1.5, -2], [3]]);
  });

  it('carries tensors larger than the windows, both ways', async () => {
    const data = Buffer.alloc(20_000_000, 'pattern');
    const inputs = [{ name: 'INPUT0', datatype: 'FP32', shape: [data.length / 4] }];
    const request = echo('big', [], { inputs, raw_input_contents: [data] });
    const { answers } = await client.exchange([request, echo('small')]);
    expect(answers.map(({ id }) => id)).toEqual(['big', 'small']);
    const raw = answers.flatMap(({ response }) => response.raw_output_contents as Buffer[]);
    expect(raw[0]?.equals(data)).toBe(true);
  });

  it('answers in the order of the requests, which are computed side by side', async () => {
    const held = new Held(harness);
    const stream = client.open();
    for (const id of 'abcd') stream.send(echo(id));
    await held.has(4);
    await held.answer('c');
    held.fail('b', outputErrors.unknown('echo', 'NOPE'));
    await held.answer('d');
    expect(stream.answers).toEqual([]);
    await held.answer('a');
    expect(await nextIds(stream, 4)).toEqual(['a', 'b', 'c', 'd']);
    stream.halfClose();
    expect((await stream.ended).code).toBe('OK');
  });

  it('lets answers of decoupled models overtake others, and others them', async () => {
    harness.service.models.set('many', true);
    harness.service.decoupled.add('many');
    const held = new Held(harness);
    const stream = client.open();
    stream.send(echo('first'));
    stream.send(echo('many-1', [], { model_name: 'many' }));
    stream.send(echo('many-2', [], { model_name: 'many' }));
    stream.send(echo('last'));
    await held.has(4);
    await held.emit('many-1', [1], false);
    await held.emit('many-2', [2], false);
    await held.emit('many-1', [3], false);
    expect(await nextIds(stream, 3)).toEqual(['many-1', 'many-2', 'many-1']);
    await held.answer('last');
    await held.answer('first');
    expect(await nextIds(stream, 2)).toEqual(['first', 'last']);
    await held.emit('many-2', [4], true);
    held.fail('many-2', undefined);
    await held.end('many-1');
    stream.halfClose();
    expect((await stream.ended).code).toBe('OK');
    expect(stream.answers.map(({ id, final }) => `${id} ${final}`)).toEqual([
      'many-1 false',
      'many-2 false',
      'many-1 false',
      'first true',
      'last true',
      'many-2 true',
    ]);
  });

  it('keeps the parameters of an answer, and adds its own', async () => {
    harness.service.inferStream = async (_request, emit) => {
      const parameters = new Map<string, bigint | string>([
        ['count', 3n],
        ['text', 'ü'],
      ]);
      await emit({ response: { ...anAnswer('a', [1]), parameters }, isFinal: true });
    };
    const { answers } = await client.exchange([echo('a')]);
    expect(answers[0]?.response.parameters).toEqual({
      count: { int64_param: '3' },
      text: { string_param: 'ü' },
      triton_final_response: { bool_param: true },
    });
  });

  it('ends the answers of a decoupled model with one more where the request asks for it', async () => {
    harness.service.decoupled.add('echo');
    harness.service.inferStream = async (_request, emit) => {
      await emit({ response: null, isFinal: true });
    };
    const asked = { parameters: { triton_enable_empty_final_response: { bool_param: true } } };
    const { answers } = await client.exchange([
      echo('not asked'),
      echo('asked', [1], { ...asked, model_version: '7' }),
    ]);
    expect(answers).toMatchObject([
      {
        id: 'asked',
        error: '',
        final: true,
        response: { model_name: 'echo', model_version: '7', outputs: [], raw_output_contents: [] },
      },
    ]);
  });

  it('answers half-closed streams, too', async () => {
    const held = new Held(harness);
    const stream = client.open();
    stream.send(echo('a'));
    stream.send(echo('b'));
    stream.halfClose();
    await held.has(2);
    await held.answer('b');
    await held.answer('a');
    expect(await stream.ended).toMatchObject({ code: 'OK' });
    expect(stream.answers.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('takes compressed messages among others, and keeps their order', async () => {
    const session = await openSession(harness.door.port);
    try {
      const call = openCall(session, PATH, { 'grpc-encoding': 'gzip' });
      const plain = (id: string) => framed(encodeRequest(echo(id)));
      const compressed = (id: string) => framed(gzipSync(encodeRequest(echo(id))), true);
      call.end(
        Buffer.concat([
          compressed('a'),
          plain('b'),
          plain('c'),
          compressed('d'),
          compressed('e'),
          plain('f'),
        ]),
      );
      call.resume();
      const trailers = new Promise<Record<string, unknown>>((resolve) => call.once('trailers', resolve));
      expect(Number((await trailers)['grpc-status'])).toBe(0);
      expect(harness.service.requests.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    } finally {
      session.destroy();
    }
  });
});

describe('an error', () => {
  it('of a request that its model has not accepted carries its id and nothing else', async () => {
    const { code, answers } = await client.exchange([
      echo('a', [1], { model_name: 'nope' }),
      echo('', [1], { parameters: { timeout: { string_param: '' } } }),
      echo('c'),
    ]);
    expect(code).toBe('OK');
    expect(answers).toMatchObject([
      {
        id: 'a',
        error: "Request for unknown model: 'nope' is not found",
        final: null,
        response: { model_name: '', model_version: '', outputs: [], parameters: {} },
      },
      {
        id: '',
        error: "invalid value type for 'timeout' parameter, expected int64_param.",
        final: null,
      },
      { id: 'c', error: '', final: true },
    ]);
  });

  it('that is the answer of a model names it and is final', async () => {
    const held = new Held(harness);
    const stream = client.open();
    stream.send(echo('a', [1], { model_version: '3' }));
    await held.has(1);
    held.fail('a', asAnswer(answerErrors.missing('echo', 'OUT')));
    expect(await stream.next()).toMatchObject({
      id: 'a',
      error: "model 'echo' did not return output 'OUT'",
      final: true,
      response: { model_name: 'echo', model_version: '3', outputs: [] },
    });
    stream.halfClose();
    expect((await stream.ended).code).toBe('OK');
  });

  it('ends the stream with its status where the client asks for that', async () => {
    const held = new Held(harness);
    const stream = client.open({ triton_grpc_error: 'true' });
    for (const id of ['refused', 'good', 'failing', 'late']) stream.send(echo(id));
    await held.has(4);
    held.fail('refused', outputErrors.unknown('echo', 'NOPE'));
    await held.answer('good');
    held.fail('failing', asAnswer(outputErrors.classificationTooLarge()));
    expect(await stream.ended).toEqual({
      code: 'INVALID_ARGUMENT',
      details: 'classification output tensor too large',
    });
    expect(stream.answers.map(({ id, error }) => `${id}: ${error}`)).toEqual([
      "refused: unexpected inference output 'NOPE' for model 'echo'",
      'good: ',
    ]);
    expect(held.arrived.map(({ cancellation }) => cancellation.cancelled)).toEqual([
      false,
      false,
      true,
      true,
    ]);
    await held.answer('late');
  });

  it.each<[string, () => Promise<void>]>([
    ['a rejection', () => Promise.reject(new Error('secret'))],
    [
      'a throw',
      () => {
        throw new Error('secret');
      },
    ],
    ['a rejection with no error', () => Promise.reject('secret')],
  ])('of the server (%s) shows no details, and is told to the log', async (_what, fail) => {
    harness.service.inferStream = fail;
    const { code, answers } = await client.exchange([echo('a')]);
    expect(code).toBe('OK');
    expect(answers).toMatchObject([{ id: 'a', error: 'internal error, see the log of the server' }]);
    expect(harness.log.lines).toMatchObject([{ level: 'error', fields: { method: PATH } }]);
  });

  it('of an answer that can not be encoded is an error of its request', async () => {
    harness.service.inferStream = async (_request, emit) => {
      await emit({ response: {} as InferResponse, isFinal: true });
    };
    const { code, answers } = await client.exchange([echo('a')]);
    expect(code).toBe('OK');
    expect(answers).toMatchObject([{ id: 'a', error: 'internal error, see the log of the server' }]);
  });
});

describe('what is no request', () => {
  it('ends the stream, behind the answers of those before it', async () => {
    const held = new Held(harness);
    const stream = client.open();
    stream.send(echo('a'));
    stream.sendBytes(Buffer.from('ffffff', 'hex'));
    stream.send(echo('never read'));
    await held.has(1);
    await held.answer('a');
    expect(await stream.ended).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: expect.stringMatching(/^malformed request message: /),
    });
    expect(stream.answers.map(({ id }) => id)).toEqual(['a']);
    expect(held.arrived).toHaveLength(1);
  });

  it.each([
    ['compressed as nobody knows', { 'grpc-encoding': 'snappy' }, framed(Buffer.from('x'), true), 12],
    ['no compressed message', { 'grpc-encoding': 'gzip' }, framed(Buffer.from('x'), true), 3],
    ['too large, as its length says', {}, Buffer.from('00ffffffff', 'hex'), 8],
  ])('ends the stream: %s', async (_what, headers, bytes, code) => {
    const session = await openSession(harness.door.port);
    try {
      const call = openCall(session, PATH, headers);
      call.write(bytes);
      const [answer] = await once(call, 'response');
      call.resume();
      expect(Number(answer['grpc-status'])).toBe(code);
    } finally {
      session.destroy();
    }
  });
});

describe('when nobody waits any more', () => {
  const cancelled = (requests: readonly InferRequest[]): Promise<unknown> =>
    Promise.all(
      requests.map(
        ({ cancellation }) =>
          new Promise<void>((resolve) => {
            cancellation.onCancel(resolve);
          }),
      ),
    );

  it('all requests of the stream are told that it was cancelled', async () => {
    const held = new Held(harness);
    const stream = client.open();
    for (const id of 'abc') stream.send(echo(id));
    await held.has(3);
    stream.cancel();
    await cancelled(held.arrived);
    expect((await stream.ended).code).toBe('CANCELLED');
    // Late answers to nobody do no harm.
    await held.answer('a');
    held.fail('b', new Error('too late'));
    await held.emit('c', [1], false);
    await harness.door.answered();
    harness.service.inferStream = inferStream;
    expect((await client.exchange([echo('next')])).code).toBe('OK');
  });

  it('they are told of a deadline, which each of them knows', async () => {
    const held = new Held(harness);
    // On a busy machine the first deadlines may pass on the way.
    for (let ms = 500; held.arrived.length === 0; ms *= 2) {
      const stream = client.open({}, { deadline: Date.now() + ms });
      stream.send(echo('a'));
      expect((await stream.ended).code).toBe('DEADLINE_EXCEEDED');
      const [request] = held.arrived;
      if (request === undefined) continue;
      const leftNs = request.deadlineNs - request.receivedNs;
      expect(leftNs).toBeGreaterThan(0);
      expect(leftNs).toBeLessThanOrEqual(ms * 1e6);
    }
    await cancelled(held.arrived);
  });

  it('a request that is too late ends the stream as the deadline does', async () => {
    const held = new Held(harness);
    const stream = client.open({}, { deadline: Date.now() + 60_000 });
    for (const id of 'ab') stream.send(echo(id));
    await held.has(2);
    held.fail('b', asAnswer(queueErrors.deadline()));
    expect((await stream.ended).code).toBe('DEADLINE_EXCEEDED');
    expect(stream.answers).toEqual([]);
    await cancelled(held.arrived.slice(0, 1));
  });

  it('they are told that the connection has broken', async () => {
    const held = new Held(harness);
    const session = await openSession(harness.door.port);
    openCall(session, PATH).write(framed(encodeRequest(echo('a'))));
    await held.has(1);
    session.destroy();
    await cancelled(held.arrived);
    await harness.door.answered();
  });
});

it('knows the address of the client', async () => {
  let peer = '';
  harness.service.inferStream = (request, emit) => {
    peer = request.peer;
    return inferStream(request, emit);
  };
  await client.exchange([echo('a')]);
  expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
});

describe('bounds', () => {
  let limited: Harness;
  let limitedClient: StreamClient;

  const open = async (limits: Partial<DoorLimits>): Promise<void> => {
    limited = await openHarness({ limits: { ...LIMITS, ...limits } });
    limitedClient = new StreamClient(limited.door.port);
  };

  afterEach(async () => {
    limitedClient.close();
    await limited.door.close(0);
  });

  it('on the requests of a stream let further ones wait, unread', async () => {
    await open({ streamRequestsMax: 2 });
    const held = new Held(limited);
    const stream = limitedClient.open();
    for (const id of 'abcdef') stream.send(echo(id));
    stream.halfClose();
    for (const [index, id] of [...'abcdef'].entries()) {
      await held.has(Math.min(6, index + 2));
      expect(held.arrived).toHaveLength(Math.min(6, index + 2));
      await held.answer(id);
      expect((await stream.next()).id).toBe(id);
    }
    expect((await stream.ended).code).toBe('OK');
  });

  it('on the bytes of a stream do the same', async () => {
    await open({ streamBytesMax: 100_000 });
    const held = new Held(limited);
    const stream = limitedClient.open();
    const values = new Array(20_000).fill(1);
    for (const id of 'abcd') stream.send(echo(id, values));
    await held.has(2);
    await held.answer('a');
    await held.has(3);
    expect(held.arrived).toHaveLength(3);
    for (const id of 'bc') await held.answer(id);
    await held.has(4);
    await held.answer('d');
    stream.halfClose();
    expect((await stream.ended).code).toBe('OK');
  });

  it('on requests in flight of the door refuse single requests', async () => {
    await open({ inFlightRequestsMax: 1 });
    const held = new Held(limited);
    // So that its refusal is told before the other's answer.
    limited.service.decoupled.add('many');
    const stream = limitedClient.open();
    stream.send(echo('a'));
    stream.send(echo('b', [1], { model_name: 'many' }));
    expect(await stream.next()).toMatchObject({
      id: 'b',
      error: 'Exceeds the limit of 1 requests in flight',
    });
    await held.answer('a');
    expect(await stream.next()).toMatchObject({ id: 'a', error: '' });
    await limited.door.answered();
    stream.send(echo('c'));
    await held.has(2);
    await held.answer('c');
    expect(await stream.next()).toMatchObject({ id: 'c', error: '' });
  });

  it('on bytes of the door end a stream that exceeds them, and count nothing that is over', async () => {
    await open({ inFlightBytesMax: 20_000 });
    const stream = limitedClient.open();
    // Together ten times as much as may be there at once.
    for (let round = 0; round < 50; round++) {
      stream.send(echo(String(round), new Array(1000).fill(round)));
      expect(await stream.next()).toMatchObject({ id: String(round), error: '' });
    }
    stream.send(echo('too large', new Array(10_000).fill(1)));
    expect(await stream.ended).toEqual({
      code: 'UNAVAILABLE',
      details: 'Exceeds the limit of 20000 bytes of requests in flight',
    });
    expect((await limitedClient.exchange([echo('next')])).code).toBe('OK');
  });

  it('count nothing of a stream that has ended, whatever its client still sends', async () => {
    await open({ inFlightBytesMax: 200_000 });
    const session = await openSession(limited.door.port);
    try {
      const call = openCall(session, PATH);
      call.write(framed(Buffer.from('ffffff', 'hex')));
      const [answer] = await once(call, 'response');
      expect(Number(answer['grpc-status'])).toBe(3);
      call.resume();
      // More than the door may hold, in a message that never ends.
      call.write(Buffer.from('007fffffff', 'hex'));
      for (let piece = 0; piece < 10; piece++) {
        await new Promise((resolve) => call.write(Buffer.alloc(100_000), resolve));
      }
      const values = new Array(10_000).fill(1);
      expect(await limitedClient.exchange([echo('next', values)])).toMatchObject({
        answers: [{ error: '' }],
      });
    } finally {
      session.destroy();
    }
  });

  it('hold up a decoupled model whose client does not read', async () => {
    await open({ streamUnsentBytesMax: 100_000 });
    const held = new Held(limited);
    limited.service.decoupled.add('echo');
    const stream = limitedClient.open();
    stream.pause();
    stream.send(echo('many'));
    await held.has(1);
    const values = new Array(10_000).fill(1);
    let emitted = 0;
    const producer = (async () => {
      for (; emitted < 200; emitted++) await held.emit('many', values, false);
      await held.end('many');
    })();
    // It goes on for as long as something takes what it gives, and then for ever not.
    for (let before = -1; before !== emitted; ) {
      before = emitted;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect((await limitedClient.exchange([])).code).toBe('OK');
    }
    expect(emitted).toBeGreaterThan(0);
    expect(emitted).toBeLessThan(200);
    stream.resume();
    stream.halfClose();
    await producer;
    expect((await stream.ended).code).toBe('OK');
    expect(stream.answers).toHaveLength(200);
  });

  it('let a decoupled model go whose client takes nothing for too long', async () => {
    await open({ streamUnsentBytesMax: 0, streamStalledMs: 100 });
    const held = new Held(limited);
    limited.service.decoupled.add('echo');
    const stream = limitedClient.open();
    stream.pause();
    stream.send(echo('many'));
    await held.has(1);
    const values = new Array(10_000).fill(1);
    while (held.arrived[0]?.cancellation.cancelled === false) await held.emit('many', values, false);
    stream.resume();
    expect((await stream.ended).code).toBe('RESOURCE_EXHAUSTED');
    await limited.door.answered();
    expect(limited.log.messages('info')).toEqual(['a stream whose client takes no answers was cut off']);
  });

  it('let a decoupled model go whose client has gone', async () => {
    await open({ streamUnsentBytesMax: 0 });
    const held = new Held(limited);
    limited.service.decoupled.add('echo');
    const stream = limitedClient.open();
    stream.pause();
    stream.send(echo('many'));
    await held.has(1);
    const values = new Array(100_000).fill(1);
    let emitted = 0;
    const producer = (async () => {
      while (held.arrived[0]?.cancellation.cancelled === false) {
        emitted++;
        await held.emit('many', values, false);
      }
    })();
    await new Promise((resolve) => setImmediate(resolve));
    stream.cancel();
    await producer;
    expect(emitted).toBeGreaterThan(0);
  });
});

describe('a door that closes', () => {
  let closing: Harness;
  let closingClient: StreamClient;

  beforeEach(async () => {
    closing = await openHarness();
    closingClient = new StreamClient(closing.door.port);
  });

  afterEach(async () => {
    closingClient.close();
    await closing.door.close(0);
  });

  const shuttingDown = 'GRPC server is shutting down and has stopped accepting new requests.';

  it('answers what it has read, refuses what comes after, and ends its streams', async () => {
    const held = new Held(closing);
    const stream = closingClient.open();
    stream.send(echo('a'));
    await held.has(1);
    closing.door.stopAccepting();
    stream.send(echo('b'));
    const answered = closing.door.answered();
    await held.answer('a');
    await answered;
    expect(await stream.next()).toMatchObject({ id: 'a', error: '' });
    expect(await stream.next()).toMatchObject({ id: 'b', error: shuttingDown });
    const closed = closing.door.close(60_000);
    expect(await stream.ended).toEqual({ code: 'UNAVAILABLE', details: shuttingDown });
    await closed;
  });

  it('ends its streams behind the answers that are due', async () => {
    const held = new Held(closing);
    const stream = closingClient.open();
    stream.send(echo('a'));
    stream.send(echo('b'));
    await held.has(2);
    const closed = closing.door.close(60_000);
    await held.answer('b');
    await held.answer('a');
    expect(await stream.ended).toEqual({ code: 'UNAVAILABLE', details: shuttingDown });
    expect(stream.answers.map(({ id }) => id)).toEqual(['a', 'b']);
    await closed;
  });

  it('cuts streams whose answers do not come', async () => {
    const held = new Held(closing);
    const stream = closingClient.open();
    stream.send(echo('a'));
    await held.has(1);
    await closing.door.close(10);
    expect((await stream.ended).code).not.toBe('OK');
    expect(held.arrived[0]?.cancellation.cancelled).toBe(true);
  });
});
