import { setTimeout as pause } from 'node:timers/promises';
import { InferenceClient, type InferRequest, type StreamAnswer, tensor } from 'naiad-client';
import { afterAll, expect, inject, test } from 'vitest';

const client = new InferenceClient(inject('address'));
afterAll(() => client.close());

const number = (id: string, value: number): InferRequest => ({
  model: 'identity_fp32',
  id,
  inputs: [tensor.fp32('INPUT0', [1], [value])],
});

/** A megabyte. */
const LARGE: InferRequest = {
  model: 'identity_fp32',
  inputs: [tensor.fp32('INPUT0', [250_000], new Float32Array(250_000))],
};
/** Times LARGE more than server, connection and client hold together. */
const MANY = 500;

const repeated = (id: string, values: readonly number[]): InferRequest => ({
  model: 'repeat',
  id,
  parameters: { triton_enable_empty_final_response: true },
  inputs: [
    tensor.int32('IN', [values.length], values),
    tensor.uint32(
      'DELAY',
      [values.length],
      values.map(() => 0),
    ),
    tensor.uint32('WAIT', [1], [0]),
  ],
});

/** Requests after which the iteration waits for good; it knows whether it was ended. */
class Unfinished implements AsyncIterable<InferRequest> {
  readonly #requests: readonly InferRequest[];
  isEnded = false;

  constructor(requests: readonly InferRequest[]) {
    this.#requests = requests;
  }

  [Symbol.asyncIterator](): AsyncIterator<InferRequest> {
    const requests = this.#requests.values();
    return {
      next: async () => {
        const next = requests.next();
        return next.done ? new Promise(() => {}) : next;
      },
      return: async () => {
        this.isEnded = true;
        return { done: true, value: undefined };
      },
    };
  }
}

async function all(answers: AsyncIterable<StreamAnswer>): Promise<StreamAnswer[]> {
  const list: StreamAnswer[] = [];
  for await (const answer of answers) list.push(answer);
  return list;
}

const elementOf = (answer: StreamAnswer | undefined, output: 'OUT' | 'OUTPUT0'): number | undefined =>
  answer?.kind === 'result' ? Number(answer.result.output(output).data[0]) : undefined;

test('each request is answered, in order', async () => {
  const requests = Array.from({ length: 200 }, (_, index) => number(`request ${index}`, index));
  const answers = await all(client.stream(requests));
  expect(answers.map(({ id }) => id)).toEqual(requests.map(({ id }) => id));
  expect(answers.map((answer) => elementOf(answer, 'OUTPUT0'))).toEqual(requests.map((_, index) => index));
  expect(answers.every(({ isLast }) => isLast)).toBe(true);
});

test('no requests, no answers', async () => {
  expect(await all(client.stream([]))).toEqual([]);
});

test('a request whose answer was needed first', async () => {
  let answered: (value: number) => void = () => {};
  const first = new Promise<number>((resolve) => {
    answered = resolve;
  });
  async function* requests(): AsyncGenerator<InferRequest> {
    yield number('first', 20);
    yield number('second', (await first) + 1);
  }
  const values: (number | undefined)[] = [];
  for await (const answer of client.stream(requests())) {
    values.push(elementOf(answer, 'OUTPUT0'));
    answered(values[0] ?? 0);
  }
  expect(values).toEqual([20, 21]);
});

test('a model that answers many times, and tells the end', async () => {
  const answers = await all(client.stream([repeated('r', [7, 8, 9])]));
  expect(answers.map((answer) => [answer.kind, answer.id, answer.isLast, elementOf(answer, 'OUT')])).toEqual([
    ['result', 'r', false, 7],
    ['result', 'r', false, 8],
    ['result', 'r', false, 9],
    ['end', 'r', true, undefined],
  ]);
});

test('a request that fails leaves the others alone', async () => {
  const answers = await all(client.stream([{ ...number('a', 1), model: 'no_such_model' }, number('b', 2)]));
  expect(answers.map(({ kind, id }) => [kind, id])).toEqual([
    ['error', 'a'],
    ['result', 'b'],
  ]);
  const [failed] = answers;
  if (failed?.kind !== 'error') throw new Error('the first one has not failed');
  expect(failed.error.message).toBe("Request for unknown model: 'no_such_model' is not found");
  expect(failed.error.code).toBeNull();
});

test('leaving the loop ends the requests, too', async () => {
  const requests = new Unfinished([number('a', 1)]);
  for await (const answer of client.stream(requests)) {
    expect(answer.kind).toBe('result');
    expect(requests.isEnded).toBe(false);
    break;
  }
  expect(requests.isEnded).toBe(true);
});

test('requests are taken only as fast as answers are', async () => {
  let taken = 0;
  function* requests(): Generator<InferRequest> {
    for (; taken < MANY; taken += 1) yield LARGE;
  }
  for await (const answer of client.stream(requests())) {
    expect(answer.kind).toBe('result');
    // Until all is full between here and the model.
    let before: number;
    do {
      before = taken;
      await pause(200);
    } while (taken !== before);
    break;
  }
  expect(taken).toBeLessThan(MANY);
});

test('a deadline while there is more to send', async () => {
  function* requests(): Generator<InferRequest> {
    for (;;) yield LARGE;
  }
  await expect(all(client.stream(requests(), { timeoutMs: 500 }))).rejects.toMatchObject({
    name: 'InferenceError',
    code: 'DEADLINE_EXCEEDED',
  });
});

test('a request that can not be sent', async () => {
  const wrong = { model: 'identity_fp32', inputs: null } as unknown as InferRequest;
  await expect(all(client.stream([wrong]))).rejects.toThrow(TypeError);
});

test('what the requests throw is thrown by the answers', async () => {
  async function* requests(): AsyncGenerator<InferRequest> {
    yield number('a', 1);
    throw new Error('no more pictures');
  }
  await expect(all(client.stream(requests()))).rejects.toThrow('no more pictures');
});

test('an abort', async () => {
  const abort = new AbortController();
  const answers = client.stream(new Unfinished([number('a', 1)]), { signal: abort.signal });
  expect((await answers.next()).value).toMatchObject({ id: 'a' });
  const next = answers.next();
  abort.abort(new Error('not wanted any more'));
  await expect(next).rejects.toThrow('not wanted any more');
  await expect(client.stream([], { signal: abort.signal }).next()).rejects.toThrow('not wanted any more');
});

test('a deadline', async () => {
  const waiting = client.stream(
    [{ ...number('a', 1), model: 'patient', inputs: [tensor.fp32('INPUT0', [1, 1], [1])] }],
    {
      timeoutMs: 100,
    },
  );
  await expect(waiting.next()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

test('the status of a request ends the stream where that is wanted', async () => {
  const failing = client.stream(
    [
      {
        ...number('a', 1),
        model: 'patient',
        queueTimeoutUs: 1000,
        inputs: [tensor.fp32('INPUT0', [1, 1], [1])],
      },
    ],
    { headers: { triton_grpc_error: 'true' } },
  );
  await expect(failing.next()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: 'Request timeout expired',
  });
});
