import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { deflateSync, gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '#naiad/settings/limits.js';
import { type Message, TestClient } from '../support/client.js';
import { encodeRequest } from '../support/infer-protos.js';
import { type Harness, openHarness } from './harness.js';
import { framed, MODEL_INFER, openCall, openSession, refusalOf, SERVER_LIVE } from './raw-stream.js';

const BYTES_MAX = 1_000_000;
const TOO_MUCH = {
  code: status.UNAVAILABLE,
  details: `Exceeds the limit of ${BYTES_MAX} bytes of requests in flight`,
};

let harness: Harness;
let client: TestClient;
let session: ClientHttp2Session;

beforeEach(async () => {
  harness = await openHarness({ limits: { ...LIMITS, inFlightBytesMax: BYTES_MAX } });
  client = new TestClient(harness.door.port);
  session = await openSession(harness.door.port);
});

afterEach(async () => {
  session.destroy();
  client.close();
  await harness.door.close(0);
});

const echo = (bytes: number): Message => ({
  model_name: 'echo',
  inputs: [{ name: 'INPUT0', datatype: 'UINT8', shape: [bytes] }],
  raw_input_contents: [Buffer.alloc(bytes)],
});

/** Resolves when (nearly) all of the budget is free again: while it comes it counts twice. */
async function everythingIsFree(): Promise<void> {
  for (;;) {
    const failure = await client.call('ModelInfer', echo(495_000)).catch((error: unknown) => error);
    if (!(failure instanceof Error)) return;
    expect(failure).toMatchObject(TOO_MUCH);
  }
}

it('gives back what calls of every end have held', async () => {
  const message = framed(encodeRequest(echo(50_000)));
  for (let round = 0; round < 20; round++) {
    await client.call('ModelInfer', echo(50_000));
    await client.failure('ModelInfer', { ...echo(50_000), model_name: 'nobody' });
    const broken = openCall(session, MODEL_INFER);
    broken.end(framed(Buffer.alloc(50_000, 0xff)));
    await refusalOf(broken);
    const half = openCall(session, MODEL_INFER);
    half.write(message.subarray(0, 30_000));
    half.close(8);
    const expired = openCall(session, MODEL_INFER, { 'grpc-timeout': '1m' });
    expired.write(message);
    expect(await refusalOf(expired)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expired.end();
    const left = client.start('ModelInfer', echo(50_000));
    left.cancel();
    await left.answer.catch(() => {});
  }
  await everythingIsFree();
});

it('counts answers until they are read, and refuses what is above the limit', async () => {
  const slow = await openSession(harness.door.port, 0);
  const message = framed(encodeRequest(echo(100_000)));
  const unread = [];
  for (let call = 0; call < 4; call++) {
    const stream = openCall(slow, MODEL_INFER);
    stream.end(message);
    await once(stream, 'response');
    unread.push(stream.pause());
  }
  const late = openCall(slow, MODEL_INFER);
  late.end(message);
  expect(await refusalOf(late)).toEqual(TOO_MUCH);
  await expect(client.call('ModelInfer', echo(100_000))).rejects.toMatchObject(TOO_MUCH);
  // Small ones have room still, and all have when the slow client is gone.
  await client.call('ModelInfer', echo(10));
  slow.destroy();
  await everythingIsFree();
});

it('does not wait for answers that nobody reads when the door closes', async () => {
  const slow = await openSession(harness.door.port, 0);
  const stream = openCall(slow, MODEL_INFER);
  stream.end(framed(encodeRequest(echo(100_000))));
  await once(stream, 'response');
  await harness.door.close(1);
  slow.destroy();
});

it('counts what has come of requests that are not complete', async () => {
  const message = framed(encodeRequest(echo(100_000)));
  for (let call = 0; call < 4; call++) {
    const waiting = openCall(session, MODEL_INFER);
    // Whole messages without an end, and messages that lack a byte.
    await new Promise((resolve) => {
      waiting.write(message.subarray(0, message.length - (call % 2)), resolve);
    });
  }
  const late = openCall(session, MODEL_INFER);
  late.write(message);
  expect(await refusalOf(late)).toEqual(TOO_MUCH);
  session.destroy();
  await everythingIsFree();
});

it('refuses more than other methods need, complete or not', async () => {
  const roomy = await openHarness();
  const other = await openSession(roomy.door.port);
  const large = openCall(other, SERVER_LIVE);
  const head = framed(Buffer.alloc(0));
  head.writeUInt32BE(2 ** 31 - 1, 1);
  large.write(head);
  large.write(Buffer.alloc(LIMITS.otherRequestBytesMax + 1));
  expect(await refusalOf(large)).toEqual({
    code: status.RESOURCE_EXHAUSTED,
    details: `A request of this method has at most ${LIMITS.otherRequestBytesMax} bytes`,
  });
  other.destroy();
  await roomy.door.close(0);
});

it('refuses once what grpc-js would refuse as well', async () => {
  const roomy = await openHarness();
  const other = await openSession(roomy.door.port);
  const tooMuch = Buffer.alloc(LIMITS.otherRequestBytesMax + 6);
  const unfinished = Buffer.from(tooMuch);
  unfinished.writeUInt32BE(2 ** 31 - 1, 1);
  const overlong = Buffer.from(tooMuch);
  // The last piece is too much and begins a message of 4 GiB.
  overlong.writeUInt32BE(LIMITS.otherRequestBytesMax - 10, 1);
  overlong.fill(0xff, overlong.length - 11);
  for (const body of [unfinished, overlong, tooMuch]) {
    for (const timeout of ['1H', '1m']) {
      const call = openCall(other, SERVER_LIVE, { 'grpc-timeout': timeout });
      call.end(body);
      await refusalOf(call);
    }
  }
  const after = openCall(other, SERVER_LIVE);
  after.end(framed(Buffer.alloc(0)));
  after.resume();
  const [trailers] = await once(after, 'trailers');
  expect(trailers['grpc-status']).toBe('0');
  other.destroy();
  await roomy.door.close(0);
});

it('refuses an answer that does not fit any more', async () => {
  const infer = harness.service.infer.bind(harness.service);
  harness.service.infer = async (request) => {
    const answer = await infer(request);
    const data = new Uint8Array(BYTES_MAX);
    return { ...answer, outputs: [{ name: 'BIG', datatype: 'UINT8', shape: [BYTES_MAX], data }] };
  };
  await expect(client.call('ModelInfer', echo(10))).rejects.toMatchObject(TOO_MUCH);
});

it('does not ask the service for calls that are over before their request is complete', async () => {
  for (let call = 0; call < 5; call++) {
    const expired = openCall(session, MODEL_INFER, { 'grpc-timeout': '1m' });
    expired.write(framed(encodeRequest(echo(10))));
    expect(await refusalOf(expired)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expired.end();
    await once(expired, 'close');
  }
  await client.call('ModelInfer', echo(20));
  expect(harness.service.requests.map(({ inputs }) => inputs[0]?.shape)).toEqual([[20]]);
});

describe('compressed messages', () => {
  const send = (path: string, encoding: string, body: Buffer): ReturnType<typeof openCall> => {
    const call = openCall(session, path, { 'grpc-encoding': encoding });
    call.end(framed(body, true));
    return call;
  };

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('by %s are understood', async (encoding, compress) => {
    const call = send(MODEL_INFER, encoding, compress(encodeRequest(echo(1000))));
    call.resume();
    const [trailers] = await once(call, 'trailers');
    expect(trailers['grpc-status']).toBe('0');
    expect(harness.service.requests[0]?.inputs[0]?.data).toHaveLength(1000);
  });

  it('may be sent plain', async () => {
    const call = openCall(session, MODEL_INFER, { 'grpc-encoding': 'gzip' });
    call.end(framed(encodeRequest(echo(1000))));
    call.resume();
    const [trailers] = await once(call, 'trailers');
    expect(trailers['grpc-status']).toBe('0');
  });

  it('count as what they become, and end as soon as that is too much', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * BYTES_MAX));
    expect(await refusalOf(send(MODEL_INFER, 'gzip', bomb))).toEqual(TOO_MUCH);
    await everythingIsFree();
  });

  it('of other methods become no more than their requests may have', async () => {
    const roomy = await openHarness();
    const other = await openSession(roomy.door.port);
    const call = openCall(other, SERVER_LIVE, { 'grpc-encoding': 'gzip' });
    call.end(framed(gzipSync(Buffer.alloc(LIMITS.otherRequestBytesMax + 1)), true));
    expect(await refusalOf(call)).toEqual({
      code: status.RESOURCE_EXHAUSTED,
      details: `Received message that decompresses to a size larger than ${LIMITS.otherRequestBytesMax}`,
    });
    other.destroy();
    await roomy.door.close(0);
  });
});
