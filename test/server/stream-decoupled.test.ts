import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../support/client.js';
import { fp32sOf, identityRequest, int32, int32sOf } from '../support/messages.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { StreamClient, type StreamedAnswer } from '../support/stream-client.js';

const repeatConfig = (instances = 1): string => `
backend: "repeat"
model_transaction_policy { decoupled: true }
input [
  { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] },
  { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] },
  { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
]
output [
  { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] },
  { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
]
instance_group { kind: KIND_CPU count: ${instances} }
`;

let repository: TestRepository;
let server: TestServer;
let streams: StreamClient;

beforeAll(async () => {
  repository = new TestRepository({
    ...identityModel('repeat', repeatConfig()),
    ...identityModel('twins', repeatConfig(2)),
    ...identityModel('counted', repeatConfig()),
    ...identityModel('held', repeatConfig()),
    ...identityModel('identity', identityConfig()),
  });
  server = await startTestServer({ modelRepositories: [repository.directory] });
  streams = new StreamClient(server.server.grpcPort ?? 0);
});

afterAll(async () => {
  streams.close();
  await server.stop();
  repository.remove();
});

interface Repeated {
  readonly values: readonly number[];
  readonly delays?: readonly number[];
  readonly model?: string;
  readonly extra?: Message;
}

function repeat(
  id: string,
  { values, delays = values.map(() => 0), model = 'repeat', extra }: Repeated,
): Message {
  return {
    model_name: model,
    id,
    inputs: [
      { name: 'IN', datatype: 'INT32', shape: [values.length] },
      { name: 'DELAY', datatype: 'UINT32', shape: [delays.length] },
      { name: 'WAIT', datatype: 'UINT32', shape: [1] },
    ],
    raw_input_contents: [int32(...values), int32(...delays), int32(0)],
    ...extra,
  };
}

const emptyFinal = { parameters: { triton_enable_empty_final_response: { bool_param: true } } };

/** `id: OUT IDX final` of each answer. */
const told = (answers: readonly StreamedAnswer[]): string[] =>
  answers.map(({ id, error, final, response }) =>
    [id, error === '' ? [...int32sOf(response, 0), ...int32sOf(response, 1)].join(' ') : error, final].join(
      ': ',
    ),
  );

const countTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('a model that answers any number of times', () => {
  it('is not told of its end unless asked', async () => {
    const { code, answers } = await streams.exchange([
      repeat('a', { values: [7, -2] }),
      repeat('b', { values: [] }),
      repeat('c', { values: [5], extra: emptyFinal }),
      repeat('d', { values: [], extra: { ...emptyFinal, model_version: '1' } }),
    ]);
    expect(code).toBe('OK');
    expect(told(answers)).toEqual([
      'a: 7 0: false',
      'a: -2 1: false',
      'c: 5 0: false',
      'c: : true',
      'd: : true',
    ]);
    expect(answers.at(0)?.response).toMatchObject({
      model_name: 'repeat',
      model_version: '1',
      outputs: [
        { name: 'OUT', datatype: 'INT32', shape: ['1'] },
        { name: 'IDX', datatype: 'UINT32', shape: ['1'] },
      ],
    });
    expect(answers.at(-1)?.response).toMatchObject({ model_name: 'repeat', model_version: '1', outputs: [] });
    expect(answers.at(-2)?.response).toMatchObject({ model_name: 'repeat', model_version: '' });
  });

  it('answers the outputs that are asked for', async () => {
    const { answers } = await streams.exchange([
      repeat('a', { values: [7, 8], extra: { outputs: [{ name: 'IDX' }] } }),
    ]);
    expect(answers.map(({ response }) => int32sOf(response, 0))).toEqual([[0], [1]]);
    expect(answers[0]?.response.outputs).toMatchObject([{ name: 'IDX' }]);
  });

  it('answers several requests at a time, and others in between', async () => {
    const stream = streams.open();
    stream.send(repeat('a', { values: [1, 2], delays: [0, 1_000_000], model: 'twins' }));
    stream.send(repeat('b', { values: [3, 4], delays: [0, 1_000_000], model: 'twins' }));
    stream.send(identityRequest('identity', [5], { id: 'c' }));
    const answers = [await stream.next(), await stream.next(), await stream.next()];
    expect(answers.map(({ id }) => id).toSorted()).toEqual(['a', 'b', 'c']);
    expect(fp32sOf(answers.find(({ id }) => id === 'c')?.response ?? {}, 0)).toEqual([5]);
    stream.cancel();
    await stream.ended;
    // Both instances are free again, in the middle of their delays.
    const { answers: next } = await streams.exchange([repeat('d', { values: [6], model: 'twins' })]);
    expect(told(next)).toEqual(['d: 6 0: false']);
  });

  it('answers many times', async () => {
    const values = countTo(2000);
    const { answers } = await streams.exchange([repeat('a', { values })]);
    expect(answers.map(({ response }) => int32sOf(response, 0)[0])).toEqual(values);
  });

  it('tells its errors as an answer, and ends the stream with them where asked', async () => {
    const wrong = repeat('a', { values: [1, 2], delays: [1] });
    const text = "model 'repeat' needs as many elements of DELAY as of IN, got 1 and 2";
    const { code, answers } = await streams.exchange([wrong, repeat('b', { values: [1] })]);
    expect(code).toBe('OK');
    expect(told(answers)).toEqual([`a: ${text}: true`, 'b: 1 0: false']);
    expect(await streams.exchange([wrong], { triton_grpc_error: 'true' })).toEqual({
      code: 'INVALID_ARGUMENT',
      details: text,
      answers: [],
    });
  });

  it('answers over HTTP, too, each time with an event', async () => {
    const answer = await fetch(`${server.httpUrl}/v2/models/repeat/generate_stream`, {
      method: 'POST',
      body: JSON.stringify({ id: 'h', IN: [7, -2], DELAY: [0, 0], WAIT: [0] }),
    });
    const events = (await answer.text()).split('\n\n').filter((event) => event !== '');
    expect(events.map((event) => JSON.parse(event.replace(/^data: /, '')))).toMatchObject([
      { OUT: 7, IDX: 0, model_name: 'repeat' },
      { OUT: -2, IDX: 1, model_name: 'repeat' },
    ]);
  });

  it('waits for a client that does not read, and others do not wait for it', async () => {
    const stream = streams.open();
    stream.send(repeat('a', { values: countTo(100_000), model: 'held' }));
    await stream.next();
    stream.pause();
    expect((await streams.exchange([identityRequest('identity', [5])])).code).toBe('OK');
    // Never done, unless somebody reads.
    expect(server.server.status().leases).toBe(1);
    stream.cancel();
    await stream.ended;
    expect(told((await streams.exchange([repeat('b', { values: [1], model: 'held' })])).answers)).toEqual([
      'b: 1 0: false',
    ]);
    expect(server.server.status().leases).toBe(0);
  });
});

describe('statistics', () => {
  type Duration = { readonly count: string; readonly ns: string };
  type Statistics = Message & {
    readonly inference_stats: Record<string, Duration>;
    readonly response_stats: Record<string, Record<string, Duration>>;
  };

  async function statisticsOf(name: string): Promise<Statistics> {
    const { model_stats } = (await server.client.call('ModelStatistics', { name })) as {
      model_stats: Statistics[];
    };
    const [found] = model_stats;
    if (found === undefined) throw new Error(`no statistics of ${name}`);
    return found;
  }

  /** What happened to the answers of each number, how often; nothing else. */
  const counts = ({ response_stats }: Statistics) =>
    Object.fromEntries(
      Object.entries(response_stats).map(([index, stages]) => [
        index,
        Object.entries(stages)
          .filter(([, { count }]) => count !== '0')
          .map(([stage, { count }]) => `${stage} ${count}`)
          .join(', '),
      ]),
    );

  it('are told by the number of the answer', async () => {
    const model = 'counted';
    expect((await statisticsOf(model)).response_stats).toEqual({});
    await streams.exchange([
      repeat('a', { values: [1, 2], delays: [10, 0], model }),
      repeat('b', { values: [1], model }),
      repeat('c', { values: [], model }),
      repeat('wrong', { values: [1], delays: [], model }),
    ]);
    const cancelled = streams.open();
    cancelled.send(repeat('d', { values: [1, 2], delays: [0, 1_000_000], model }));
    await cancelled.next();
    cancelled.cancel();
    await cancelled.ended;
    await streams.exchange([repeat('e', { values: [], model })]);
    const statistics = await statisticsOf(model);
    expect(statistics).toMatchObject({
      inference_count: '4',
      execution_count: '5',
      inference_stats: { success: { count: '4' }, fail: { count: '2' }, compute_infer: { count: '4' } },
      batch_stats: [{ batch_size: '1', compute_infer: { count: '5' } }],
    });
    expect(counts(statistics)).toEqual({
      0: 'compute_infer 6, compute_output 3, success 3, fail 1, empty_response 2',
      1: 'compute_infer 2, compute_output 1, success 1, empty_response 1, cancel 1',
      2: 'compute_infer 1, empty_response 1',
    });
    const first = statistics.response_stats['0'];
    // Timers count whole milliseconds and may be one early.
    expect(Number(first?.compute_infer?.ns)).toBeGreaterThan(8e6);
    expect(Number(first?.success?.ns)).toBeGreaterThan(8e6);
  });
});
