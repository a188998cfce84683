import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request as sendRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '#naiad/settings/limits.js';
import { ProbedServer } from '../reload/probed-server.js';
import { Pattern } from './pattern.js';

const INFER = '/v2/models/identity/infer';
const LARGER_BYTES_MAX = 256 << 20;
const SMALL_BYTES = 4096;
const ROUNDS = 2;
/** What a server may hold more after {@link ROUNDS} of the largest bodies. */
const KEPT_BYTES_MAX = LARGER_BYTES_MAX / 2;
/** Threads collect their own garbage when they come to it. */
const TURNS_MAX = 8;

const pattern = new Pattern();
const cleanup: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

/** A server that serves `identity`. */
function openServer(...flags: string[]): ProbedServer {
  const cache = mkdtempSync(join(tmpdir(), 'naiad-test-cache-'));
  cleanup.push(() => rmSync(cache, { recursive: true, force: true }));
  const server = new ProbedServer(
    `--model-repository=${resolve(import.meta.dirname, '../../model-repository')}`,
    `--artifact-cache=${cache}`,
    '--model-control-mode=explicit',
    '--load-model=identity',
    '--http-address=127.0.0.1',
    ...flags,
  );
  cleanup.push(async () => expect(await server.stop()).toBe(0));
  return server;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
  /** The answer's start. */
  readonly start: Buffer;
}

const START_BYTES = 1024;

/** A request of FP32 values as binary data, of `bodyBytes` in all; `chunked`: its length is not told before. */
async function echo(port: number, bodyBytes: number, chunked = false): Promise<Answer & { wrong: number[] }> {
  const json = (bytes: number): string =>
    JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: [
        {
          name: 'INPUT0',
          datatype: 'FP32',
          shape: [1, bytes / 4],
          parameters: { binary_data_size: bytes },
        },
      ],
    });
  // The JSON takes up what is no whole number of values.
  const bytes = Math.floor((bodyBytes - json(bodyBytes).length - 8) / 4) * 4;
  const head = Buffer.from(json(bytes).padEnd(bodyBytes - bytes));
  function* body(): Generator<Buffer> {
    yield head;
    yield* pattern.pieces(bytes);
  }
  const wrong: number[] = [];
  const answer = await new Promise<Answer>((resolve, reject) => {
    const request = sendRequest({
      port,
      host: '127.0.0.1',
      path: INFER,
      method: 'POST',
      headers: {
        'Inference-Header-Content-Length': String(head.length),
        ...(chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': String(head.length + bytes) }),
      },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const tensorAt = Number(response.headers['inference-header-content-length'] ?? 0);
      let at = 0;
      let start = Buffer.alloc(0);
      response.on('data', (piece: Buffer) => {
        if (start.length < START_BYTES) start = Buffer.concat([start, piece]).subarray(0, START_BYTES);
        const tensor = piece.subarray(Math.max(0, tensorAt - at));
        if (tensorAt > 0 && !pattern.equals(tensor, Math.max(0, at - tensorAt))) wrong.push(at);
        at += piece.length;
      });
      response.once('error', reject);
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes: at - tensorAt, start });
      });
    });
    pipeline(Readable.from(body()), request).catch(reject);
  });
  if (answer.status === 200) expect(answer.bytes).toBe(bytes);
  return { ...answer, wrong };
}

function refusal(bytesMax: number): object {
  return {
    error: `Request JSON size exceeds the maximum allowed value of ${bytesMax} bytes. Use --http-max-input-size to increase the limit.`,
  };
}

describe('over HTTP', () => {
  it('bodies of more than 64 MiB are refused, those of as much are taken', async () => {
    const port = await openServer().httpPort;
    expect(LIMITS.httpInputBytesMax).toBe(64 << 20);
    for (const chunked of [false, true]) {
      const refused = await echo(port, LIMITS.httpInputBytesMax + 1, chunked);
      expect(refused.status).toBe(400);
      expect(JSON.parse(refused.start.toString())).toEqual(refusal(LIMITS.httpInputBytesMax));
      expect(await echo(port, LIMITS.httpInputBytesMax, chunked)).toMatchObject({ status: 200, wrong: [] });
    }
  });

  it('larger ones are taken where --http-max-input-size allows them, and their memory is given back', async () => {
    const server = openServer(`--http-max-input-size=${LARGER_BYTES_MAX}`);
    const port = await server.httpPort;
    expect(await echo(port, SMALL_BYTES)).toMatchObject({ status: 200, wrong: [] });
    const before = await server.memory();
    for (let round = 0; round < ROUNDS; round++) {
      expect(await echo(port, LARGER_BYTES_MAX)).toMatchObject({ status: 200, wrong: [] });
    }
    let kept = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURNS_MAX && kept > KEPT_BYTES_MAX; turn++) {
      expect(await echo(port, SMALL_BYTES)).toMatchObject({ status: 200, wrong: [] });
      kept = (await server.memory()).residentBytes - before.residentBytes;
    }
    console.info(`kept: ${(kept / 2 ** 20).toFixed(0)} MiB`);
    expect(kept).toBeLessThan(KEPT_BYTES_MAX);
    const refused = await echo(port, LARGER_BYTES_MAX + 1);
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.start.toString())).toEqual(refusal(LARGER_BYTES_MAX));
  });
});
