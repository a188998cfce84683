import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { outputErrors } from '#naiad/errors/catalogue.js';
import type { DoorLimits } from '#naiad/grpc/door.js';
import type { InferRequest } from '#naiad/inference/request.js';
import type { InferResponse } from '#naiad/inference/response.js';
import type { InferenceService } from '#naiad/service/service.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { type Message, TestClient } from '../support/client.js';
import { fp32, fp32sOf } from '../support/messages.js';
import { type Harness, openHarness } from './harness.js';

let harness: Harness;
let client: TestClient;
let inferOfService: InferenceService['infer'];

beforeAll(async () => {
  harness = await openHarness();
  client = new TestClient(harness.door.port);
  inferOfService = harness.service.infer.bind(harness.service);
});

afterAll(async () => {
  client.close();
  await harness.door.close(0);
});

afterEach(() => {
  harness.service.infer = inferOfService;
  harness.service.requests.length = 0;
  harness.log.lines.length = 0;
});

const echo = (values: number[], extra: Message = {}): Message => ({
  model_name: 'echo',
  inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [values.length] }],
  raw_input_contents: [fp32(...values)],
  ...extra,
});

/** Lets the service do as it is told with the next request. */
function onInfer(answer: (request: InferRequest) => Promise<InferResponse>): void {
  harness.service.infer = answer;
}

/** Holds every request to `service` until the test lets it go. */
function hold(service = harness.service): { readonly arrived: Promise<InferRequest>; release(): void } {
  let arrive: (request: InferRequest) => void = () => {};
  let release = (): void => {};
  const arrived = new Promise<InferRequest>((resolve) => {
    arrive = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const infer = service.infer.bind(service);
  service.infer = async (request) => {
    arrive(request);
    await released;
    return infer(request);
  };
  return { arrived, release };
}

it('answers with the tensors of the service', async () => {
  const answer = await client.call('ModelInfer', echo([1.5, -2], { id: 'r1' }));
  expect(answer).toMatchObject({
    model_name: 'echo',
    model_version: '1',
    id: 'r1',
    outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: ['2'] }],
  });
  expect(fp32sOf(answer, 0)).toEqual([1.5, -2]);
});

it('carries tensors larger than the windows, both ways', async () => {
  const data = Buffer.alloc(20_000_000, 'pattern');
  const inputs = [{ name: 'INPUT0', datatype: 'FP32', shape: [data.length / 4] }];
  const answer = await client.call('ModelInfer', echo([], { inputs, raw_input_contents: [data] }));
  expect(data.equals((answer.raw_output_contents as Buffer[])[0] ?? Buffer.alloc(0))).toBe(true);
});

describe('errors', () => {
  it('of the client reach it as they are', async () => {
    onInfer(() => Promise.reject(outputErrors.unknown('echo', 'NOPE')));
    await expect(client.call('ModelInfer', echo([1]))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: "unexpected inference output 'NOPE' for model 'echo'",
    });
    expect(harness.log.lines).toEqual([]);
  });

  it.each<[string, () => Promise<InferResponse>]>([
    ['a rejection', () => Promise.reject(new Error('secret'))],
    [
      'a throw',
      () => {
        throw new Error('secret');
      },
    ],
    ['a rejection with no error', () => Promise.reject('secret')],
    ['an answer that cannot be encoded', () => Promise.resolve({} as InferResponse)],
  ])('of the server (%s) are INTERNAL, and told to the log only', async (_what, fail) => {
    onInfer(fail);
    await expect(client.call('ModelInfer', echo([1]))).rejects.toMatchObject({
      code: status.INTERNAL,
      details: 'internal error, see the log of the server',
    });
    expect(harness.log.lines).toMatchObject([
      { level: 'error', fields: { method: '/inference.GRPCInferenceService/ModelInfer' } },
    ]);
  });

  it('with long texts are cut to what clients accept', async () => {
    const name = 'ä\n%'.repeat(4000);
    await expect(client.call('ModelInfer', echo([1], { model_name: name }))).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: expect.stringMatching(/^Request for unknown model: '(ä\n%)+ä?\n?\.\.\.$/),
    });
  });
});

it('refuses names and ids that no log line should hold', async () => {
  const long = 'x'.repeat(LIMITS.nameBytesMax + 1);
  const input = { name: long, datatype: 'FP32', shape: [1] };
  for (const request of [
    echo([1], { id: long }),
    echo([1], { model_name: long }),
    echo([1], { model_version: long }),
    echo([1], { inputs: [input] }),
    echo([1], { outputs: [{ name: long }] }),
    echo([1], { parameters: { [long]: { bool_param: true } } }),
  ]) {
    await expect(client.call('ModelInfer', request)).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: `malformed request message: a string of ${long.length} bytes exceeds ${LIMITS.nameBytesMax} bytes`,
    });
  }
});

describe('deadlines', () => {
  it('become monotonic times', async () => {
    await client.call('ModelInfer', echo([1]), { deadline: Date.now() + 60_000 });
    await client.call('ModelInfer', echo([1]));
    const [bounded, unbounded] = harness.service.requests;
    const leftNs = (bounded?.deadlineNs ?? 0) - (bounded?.receivedNs ?? 0);
    expect(leftNs).toBeGreaterThan(0);
    expect(leftNs).toBeLessThanOrEqual(60e9);
    expect(unbounded?.deadlineNs).toBe(Infinity);
  });

  it('beyond what grpc-js can count are none', async () => {
    const days = 24 * 3600 * 1000;
    for (const ms of [30 * days, 24 * 365 * days]) {
      const answer = await client.call('ModelInfer', echo([1]), { deadline: Date.now() + ms });
      expect(fp32sOf(answer, 0)).toEqual([1]);
    }
    expect(harness.service.requests.map(({ deadlineNs }) => deadlineNs)).toEqual([Infinity, Infinity]);
  });

  it('that pass cancel the request', async () => {
    const { arrived, release } = hold();
    let request: InferRequest | null = null;
    // On a busy machine the first deadlines may pass on the way.
    for (let ms = 200; request === null; ms *= 2) {
      const call = client.call('ModelInfer', echo([1]), { deadline: Date.now() + ms });
      const ended = expect(call).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
      request = await Promise.race([arrived, ended.then(() => null)]);
      await ended;
    }
    const { cancellation } = request;
    await new Promise<void>((resolve) => {
      cancellation.onCancel(resolve);
    });
    release();
  });
});

it('tells a request that its client has gone', async () => {
  const { arrived, release } = hold();
  const call = client.start('ModelInfer', echo([1]));
  const { cancellation } = await arrived;
  expect(cancellation.cancelled).toBe(false);
  call.cancel();
  await expect(call.answer).rejects.toMatchObject({ code: status.CANCELLED });
  await new Promise<void>((resolve) => {
    cancellation.onCancel(resolve);
  });
  release();
  // The late answer to nobody does no harm.
  expect(fp32sOf(await client.call('ModelInfer', echo([2])), 0)).toEqual([2]);
  expect(harness.log.lines).toEqual([]);
});

it('does not call an answered request cancelled', async () => {
  await client.call('ModelInfer', echo([1]));
  await client.call('ServerLive');
  expect(harness.service.requests[0]?.cancellation.cancelled).toBe(false);
});

it('knows the address of the client', async () => {
  let peer = '';
  onInfer((request) => {
    peer = request.peer;
    return inferOfService(request);
  });
  await client.call('ModelInfer', echo([1]));
  expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
});

describe('limits', () => {
  let limited: Harness;
  let limitedClient: TestClient;

  const open = async (limits: Partial<DoorLimits>): Promise<void> => {
    limited = await openHarness({ limits: { ...LIMITS, ...limits } });
    limitedClient = new TestClient(limited.door.port);
  };

  afterEach(async () => {
    limitedClient.close();
    await limited.door.close(0);
  });

  it('on requests in flight refuse what is above them, until one is answered', async () => {
    await open({ inFlightRequestsMax: 1 });
    const { arrived, release } = hold(limited.service);
    const first = limitedClient.call('ModelInfer', echo([1]));
    await arrived;
    await expect(limitedClient.call('ModelInfer', echo([2]))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'Exceeds the limit of 1 requests in flight',
    });
    release();
    expect(fp32sOf(await first, 0)).toEqual([1]);
    expect(fp32sOf(await limitedClient.call('ModelInfer', echo([3])), 0)).toEqual([3]);
  });

  it('on bytes in flight count messages', async () => {
    await open({ inFlightBytesMax: 200 });
    await expect(limitedClient.call('ModelInfer', echo(new Array(50).fill(1)))).rejects.toMatchObject({
      code: status.UNAVAILABLE,
      details: 'Exceeds the limit of 200 bytes of requests in flight',
    });
    expect(fp32sOf(await limitedClient.call('ModelInfer', echo([3])), 0)).toEqual([3]);
  });
});
