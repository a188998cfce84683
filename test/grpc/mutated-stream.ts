import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { decodeInferRequest } from '#naiad/grpc/codec/infer-request.js';
import { fp32, fp32sOf } from '../support/messages.js';
import { mutatedMessages, Random } from '../support/mutator.js';
import { StreamClient } from '../support/stream-client.js';
import { type Harness, openHarness } from './harness.js';
import { framed, openCall, openSession } from './raw-stream.js';

const PATH = '/inference.GRPCInferenceService/ModelStreamInfer';
const PER_STREAM_MAX = 12;

/** Bytes of one stream: frames of messages, with some damage to what stands in front of these. */
function damagedFrames(random: Random, messages: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(messages.map((message) => framed(message, random.below(20) === 0)));
  for (let flips = random.below(3); flips > 0; flips--) {
    const index = random.below(bytes.length);
    bytes[index] = (bytes[index] ?? 0) ^ (1 << random.below(8));
  }
  return random.below(3) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

/** Streams of at most {@link PER_STREAM_MAX} messages, `count` in sum. */
function* streamsOf(seed: number, count: number): Iterable<readonly Buffer[]> {
  const random = new Random(seed);
  const messages = mutatedMessages(seed, count);
  for (let start = 0; start < messages.length; ) {
    const length = 1 + random.below(PER_STREAM_MAX);
    yield messages.slice(start, start + length);
    start += length;
  }
}

function isRequest(message: Buffer): boolean {
  try {
    decodeInferRequest(message);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sends streams of damaged messages to a door of its own, and expects an answer to each message before
 * the first that is no request, which ends its stream as INVALID_ARGUMENT; then streams whose frames are
 * damaged, each of which must end with a status.
 */
export async function expectStreamsEnd(seed: number, count: number): Promise<void> {
  const harness = await openHarness();
  const client = new StreamClient(harness.door.port);
  try {
    let ended = 0;
    for (const messages of streamsOf(seed, count)) {
      const stream = client.open();
      for (const message of messages) stream.sendBytes(message);
      stream.halfClose();
      const { code, details } = await stream.ended;
      const good = messages.findIndex((message) => !isRequest(message));
      expect(code, details).toBe(good === -1 ? 'OK' : 'INVALID_ARGUMENT');
      expect(stream.answers).toHaveLength(good === -1 ? messages.length : good);
      if (good !== -1) ended++;
    }
    expect(ended).toBeGreaterThan(0);
    await sendDamagedFrames(harness, seed, count);
    const { code, answers } = await client.exchange([anEcho(7)]);
    expect(code).toBe('OK');
    expect(answers.map(({ response }) => fp32sOf(response, 0))).toEqual([[7]]);
    await harness.door.answered();
    expect(harness.log.lines).toEqual([]);
  } finally {
    client.close();
    await harness.door.close(0);
  }
}

async function sendDamagedFrames({ door }: Harness, seed: number, count: number): Promise<void> {
  const random = new Random(seed + 1);
  const session = await openSession(door.port);
  try {
    const codes = new Set<string>();
    for (const messages of streamsOf(seed + 1, count)) {
      const call = openCall(session, PATH, random.below(2) === 0 ? { 'grpc-encoding': 'gzip' } : {});
      const ended = statusOf(call);
      call.end(damagedFrames(random, messages));
      codes.add(await ended);
    }
    const expected = ['INVALID_ARGUMENT', 'OK', 'RESOURCE_EXHAUSTED'];
    expect([...codes].filter((code) => !expected.includes(code))).toEqual([]);
  } finally {
    session.destroy();
  }
}

/** The status of a call, in its headers or its trailers. */
async function statusOf(call: ReturnType<typeof openCall>): Promise<string> {
  let code: unknown;
  for (const event of ['response', 'trailers'] as const) {
    call.on(event, (headers: Record<string, unknown>) => {
      code ??= headers['grpc-status'];
    });
  }
  call.resume();
  await once(call, 'close');
  return status[Number(code)] ?? 'no status';
}

function anEcho(value: number) {
  return {
    model_name: 'echo',
    inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1] }],
    raw_input_contents: [fp32(value)],
  };
}
