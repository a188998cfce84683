import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProbedServer } from '../reload/probed-server.js';
import { encodeRequest } from '../support/infer-protos.js';
import { MODEL_INFER } from '../support/raw-client.js';
import { Pattern } from './pattern.js';
import { frameHead, StreamedCalls } from './streamed-call.js';

const GIB = 2 ** 30;
const MESSAGE_BYTES_MAX = 2 ** 31 - 1;
const ROUNDS = 2;
/**
 * What a server may hold more afterwards, however many such requests came: the pieces in which one comes
 * are small, and the C library keeps such memory for the next.
 */
const KEPT_BYTES_MAX = 1.25 * GIB;
/** Threads collect their own garbage when they come to it. */
const TURNS_MAX = 8;

const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
const pattern = new Pattern();
let server: ProbedServer;
let calls: StreamedCalls;

beforeAll(async () => {
  server = new ProbedServer(
    `--model-repository=${resolve(import.meta.dirname, '../../model-repository')}`,
    `--artifact-cache=${cache}`,
    '--model-control-mode=explicit',
    '--load-model=identity',
  );
  calls = new StreamedCalls(await server.grpcPort);
});

afterAll(async () => {
  calls.close();
  expect(await server.stop()).toBe(0);
  rmSync(cache, { recursive: true, force: true });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

/** Raw contents of `length` bytes, without the bytes: a field's number and its length. */
const rawHead = (field: number, length: number): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2]), varint(length)]);

/** A request of FP32 values in one row, its frame included. */
function* request(bytes: number): Generator<Buffer> {
  const inputs = [{ name: 'INPUT0', datatype: 'FP32', shape: [1, bytes / 4] }];
  const head = Buffer.concat([
    encodeRequest({ model_name: 'identity', id: 'large', inputs }),
    rawHead(7, bytes),
  ]);
  yield frameHead(head.length + bytes);
  yield head;
  yield* pattern.pieces(bytes);
}

/** Sends so many bytes to `identity`, and tells what is wrong with the answer. */
async function echo(bytes: number): Promise<{ status: number; message: string; wrong: string[] }> {
  const wrong: string[] = [];
  let head = Buffer.alloc(0);
  let tensorAt = Number.POSITIVE_INFINITY;
  const end = await calls.call(MODEL_INFER, request(bytes), (piece, offset) => {
    let tensor = piece;
    if (offset < tensorAt) {
      head = Buffer.concat([head, piece]);
      // The tensor is the end of the message, and what is before it is small.
      if (head.length < 5) return;
      tensorAt = 5 + head.readUInt32BE(1) - bytes;
      if (head.length < tensorAt) return;
      tensor = head.subarray(tensorAt);
      head = head.subarray(0, tensorAt);
    }
    const place = Math.max(0, offset - tensorAt);
    if (!pattern.equals(tensor, place) && wrong.length < 10) wrong.push(`bytes from ${place} on`);
  });
  const tail = rawHead(6, bytes);
  if (end.status === 0 && !head.subarray(head.length - tail.length).equals(tail)) wrong.push('the head');
  if (end.status === 0 && end.answerBytes !== tensorAt + bytes) wrong.push('the length');
  return { status: end.status, message: end.message, wrong };
}

describe('over gRPC', () => {
  it('tensors of 1 GiB come back, and no more memory is kept than one takes', async () => {
    expect(await echo(4096)).toEqual({ status: 0, message: 'OK', wrong: [] });
    const before = await server.memory();
    for (let round = 0; round < ROUNDS; round++) {
      expect(await echo(GIB)).toEqual({ status: 0, message: 'OK', wrong: [] });
    }
    let kept = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURNS_MAX && kept > KEPT_BYTES_MAX; turn++) {
      expect(await echo(4096)).toEqual({ status: 0, message: 'OK', wrong: [] });
      kept = (await server.memory()).residentBytes - before.residentBytes;
    }
    console.info(`kept: ${(kept / 2 ** 20).toFixed(0)} MiB`);
    expect(kept).toBeLessThan(KEPT_BYTES_MAX);
  });

  it('a message of more than 2 GiB is refused by its first bytes', async () => {
    const end = await calls.call(MODEL_INFER, [frameHead(MESSAGE_BYTES_MAX + 1), Buffer.alloc(1024)]);
    expect(end).toMatchObject({ status: status.RESOURCE_EXHAUSTED, answerBytes: 0 });
    expect(end.message).toMatch(/^Received message larger than max \(2147483648 vs\.? 2147483647\)/);
    expect(await echo(4096)).toMatchObject({ status: 0, wrong: [] });
  });
});
