import { Metadata } from '@grpc/grpc-js';
import {
  DEFAULT_RETRY,
  InferenceClient,
  InferenceError,
  pauseAfter,
  type RetryHint,
  tensor,
} from 'naiad-client';
import { afterEach, describe, expect, test } from 'vitest';
import { statusMessages } from '../src/protocol.js';
import { type Answers, type Failure, type FakeServer, startFakeServer } from './support/fake-server.js';

const REQUEST = { model: 'm', inputs: [tensor.fp32('x', [1], [1])] };
/** Whatever a server does not ask for is quick. */
const QUICK = { firstPauseMs: 1, pauseMsMax: 1 };

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serverAndClient(answers: Answers, retry = {}): Promise<[FakeServer, InferenceClient]> {
  const server = await startFakeServer(answers);
  const client = new InferenceClient(server.address, { retry: { ...QUICK, ...retry } });
  cleanups.push(
    () => client.close(),
    () => server.stop(),
  );
  return [server, client];
}

function unavailable(entries: Record<string, string | Buffer> = {}): Failure {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
  return { code: 'UNAVAILABLE', details: 'busy', metadata };
}

function details(reason: string, retryMs: number | null): Buffer {
  const { status, errorInfo, retryInfo } = statusMessages;
  const any = (type: string, value: Buffer) => ({
    type_url: `type.googleapis.com/google.rpc.${type}`,
    value,
  });
  const list = [any('ErrorInfo', errorInfo.serialize({ reason, domain: 'naiad' }))];
  if (retryMs !== null) {
    const retryDelay = { seconds: Math.floor(retryMs / 1000), nanos: (retryMs % 1000) * 1e6 };
    list.push(any('RetryInfo', retryInfo.serialize({ retryDelay })));
  }
  return status.serialize({ code: 14, message: 'busy', details: list });
}

async function failureOf(call: Promise<unknown>): Promise<InferenceError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof InferenceError)) throw new Error('did not fail as expected', { cause: error });
  return error;
}

describe('when a call is tried again', () => {
  const policy = {
    triesMax: 3,
    firstPauseMs: 100,
    factor: 3,
    pauseMsMax: 500,
    codes: ['UNAVAILABLE'],
  } as const;
  const error = (
    retry?: RetryHint,
    reason: string | null = null,
    code: 'UNAVAILABLE' | 'NOT_FOUND' = 'UNAVAILABLE',
  ) => new InferenceError(code, '', { reason, ...(retry && { retry }) });

  test.each([
    ['the first pause', error(), 1, 0, 100],
    ['the second one', error(), 2, 0, 300],
    ['shortened by chance', error(), 2, 1, 150],
    ['no more tries', error(), 3, 0, null],
    ['another status', error(undefined, null, 'NOT_FOUND'), 1, 0, null],
    ['what the server asks for', error({ isForbidden: false, pauseMs: 700 }), 1, 0, 700],
    ['lengthened by chance', error({ isForbidden: false, pauseMs: 700 }), 2, 1, 840],
    ['at once', error({ isForbidden: false, pauseMs: 0 }), 1, 1, 0],
    ['never, as the server says', error({ isForbidden: true, pauseMs: null }), 1, 0, null],
    ['a reason that stays', error(undefined, 'CONTROL_DISABLED'), 1, 0, null],
    ['a reason that goes', error(undefined, 'QUEUE_FULL'), 1, 0, 100],
    ['something else', new TypeError('no'), 1, 0, null],
  ])('%s', (_, thrown, tries, random, expected) => {
    const pauseMs = pauseAfter(thrown, tries, policy, random);
    if (expected === null) expect(pauseMs).toBeNull();
    else expect(pauseMs).toBeCloseTo(expected);
  });

  test('pauses of the policy are bounded', () => {
    expect(pauseAfter(error(), 90, { ...policy, triesMax: 100 }, 0)).toBe(500);
  });
});

describe('tries', () => {
  test('until the server answers', async () => {
    const [server, client] = await serverAndClient((call) => (call < 2 ? unavailable() : { id: 'done' }));
    expect((await client.infer(REQUEST)).id).toBe('done');
    expect(server.calls()).toBe(3);
  });

  test('with the same bytes, whatever becomes of the array', async () => {
    const data = Float32Array.of(1);
    const seen: string[] = [];
    const [, client] = await serverAndClient((call, { rawInputContents: [raw] }) => {
      seen.push(raw?.toString('hex') ?? '');
      data[0] = 2;
      return call === 0 ? unavailable() : {};
    });
    await client.infer({ model: 'm', inputs: [tensor.fp32('x', [1], data)] });
    expect(seen).toEqual(['0000803f', '0000803f']);
  });

  test('as many as the policy allows', async () => {
    const [server, client] = await serverAndClient(() => unavailable());
    expect((await failureOf(client.infer(REQUEST))).code).toBe('UNAVAILABLE');
    expect(server.calls()).toBe(DEFAULT_RETRY.triesMax);
  });

  test('one when the call wants none', async () => {
    const [server, client] = await serverAndClient(() => unavailable());
    await failureOf(client.infer(REQUEST, { retry: false }));
    expect(server.calls()).toBe(1);
  });

  test('one for other statuses', async () => {
    const [server, client] = await serverAndClient(() => ({ code: 'INVALID_ARGUMENT', details: 'no' }));
    expect(await failureOf(client.infer(REQUEST))).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'no' });
    expect(server.calls()).toBe(1);
  });

  test.each(['-1', 'never'])('one when the server pushes back with %s', async (value) => {
    const [server, client] = await serverAndClient(() => unavailable({ 'grpc-retry-pushback-ms': value }));
    expect((await failureOf(client.infer(REQUEST))).retry).toEqual({ isForbidden: true, pauseMs: null });
    expect(server.calls()).toBe(1);
  });

  test.each([
    ['grpc-retry-pushback-ms', { 'grpc-retry-pushback-ms': '40' }],
    ['RetryInfo', { 'grpc-status-details-bin': details('QUEUE_FULL', 40) }],
    [
      'both, of which gRPC counts',
      { 'grpc-retry-pushback-ms': '40', 'grpc-status-details-bin': details('QUEUE_FULL', 60_000) },
    ],
  ])('after the pause of %s', async (_, entries) => {
    const times: number[] = [];
    const [, client] = await serverAndClient((call) => {
      times.push(performance.now());
      return call === 0 ? unavailable(entries) : { id: 'done' };
    });
    expect((await client.infer(REQUEST)).id).toBe('done');
    const [first = 0, second = 0] = times;
    // Timers may be a little early.
    expect(second - first).toBeGreaterThan(38);
  });

  test('none when the pause outlasts the deadline', async () => {
    const [server, client] = await serverAndClient(() =>
      unavailable({ 'grpc-status-details-bin': details('QUEUE_FULL', 3_600_000) }),
    );
    const error = await failureOf(client.infer(REQUEST));
    expect(error).toMatchObject({ code: 'UNAVAILABLE', reason: 'QUEUE_FULL' });
    expect(error.retry.pauseMs).toBe(3_600_000);
    expect(server.calls()).toBe(1);
  });

  test('end in the middle of a pause when they are aborted', async () => {
    const abort = new AbortController();
    const [server, client] = await serverAndClient(() => {
      setImmediate(() => abort.abort(new Error('enough')));
      return unavailable({ 'grpc-retry-pushback-ms': '30000' });
    });
    await expect(client.infer(REQUEST, { signal: abort.signal })).rejects.toThrow('enough');
    expect(server.calls()).toBe(1);
  });

  test('damaged details hide nothing', async () => {
    const [, client] = await serverAndClient(() =>
      unavailable({ 'grpc-status-details-bin': Buffer.of(0xff, 0xff) }),
    );
    expect(await failureOf(client.infer(REQUEST))).toMatchObject({ code: 'UNAVAILABLE', reason: null });
  });
});

describe('answers', () => {
  test('elements of 8 bytes at any address', async () => {
    const [, client] = await serverAndClient(() => ({
      outputs: [
        { name: 'texts', datatype: 'BYTES', shape: [1] },
        { name: 'numbers', datatype: 'INT64', shape: [1] },
        { name: 'again', datatype: 'FP64', shape: [1] },
      ],
      rawOutputContents: [
        Buffer.from([1, 0, 0, 0, 0x61]),
        Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]),
        Buffer.from(Float64Array.of(0.5).buffer),
      ],
    }));
    const { outputs } = await client.infer(REQUEST);
    expect(outputs.map(({ data }) => data)).toEqual([
      [Buffer.from('a')],
      BigInt64Array.of(2n),
      Float64Array.of(0.5),
    ]);
  });

  test.each([
    ['too short', 'INT32', [2], [1, 0, 0, 0], 'has 1 elements instead of 2'],
    ['a part of an element', 'INT32', [1], [1, 0, 0], 'ends within an element'],
    ['a text that is cut', 'BYTES', [1], [5, 0, 0, 0, 1], 'ends within an element'],
    ['a length that is cut', 'BYTES', [1], [5, 0], 'ends within an element'],
    ['something new', 'FP4', [1], [1], "unknown datatype 'FP4'"],
  ])('that are damaged: %s', async (_, datatype, shape, bytes, text) => {
    const [, client] = await serverAndClient(() => ({
      outputs: [{ name: 'out', datatype, shape }],
      rawOutputContents: [Buffer.from(bytes)],
    }));
    await expect(client.infer(REQUEST)).rejects.toThrow(text);
  });

  test('parameters of every type', async () => {
    const [, client] = await serverAndClient((_, { parameters }) => ({ parameters }));
    const parameters = { yes: true, text: 'a', whole: 3, half: 0.5, long: 2n ** 40n };
    const result = await client.infer({ ...REQUEST, parameters, priority: 1, queueTimeoutUs: 5 });
    expect(result.parameters).toEqual({ ...parameters, long: 2 ** 40, priority: 1, timeout: 5 });
  });

  test('headers of the client and of the call', async () => {
    const server = await startFakeServer(() => ({}));
    const client = new InferenceClient(server.address, { headers: { 'x-a': 'client', 'x-b': 'client' } });
    cleanups.push(
      () => client.close(),
      () => server.stop(),
    );
    await client.infer(REQUEST, { headers: { 'x-b': 'call' } });
    expect(server.headers()?.getMap()).toMatchObject({ 'x-a': 'client', 'x-b': 'call' });
  });
});
