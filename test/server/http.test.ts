import { once } from 'node:events';
import { connect } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Reply } from '../http/harness.js';
import { fp32, int32 } from '../support/messages.js';
import { addSub } from '../support/onnx.js';
import { identityConfig, identityModel, TestRepository } from '../support/repository.js';
import { startTestServer, type TestServer, testLifecycle } from '../support/server.js';

const cleanup: (() => Promise<void> | void)[] = [];
const undoAll = async (): Promise<void> => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
};

async function serve(parameters: Readonly<Record<string, string>>, settings = {}): Promise<TestServer> {
  const made = new TestRepository({
    'simple/1/model.onnx': addSub(),
    'simple/config.pbtxt': 'max_batch_size: 8\n',
    'never/1/model.onnx': addSub(),
    ...identityModel('echo', identityConfig(parameters)),
  });
  cleanup.push(() => made.remove());
  const server = await startTestServer({ modelRepositories: [made.directory], ...settings });
  cleanup.push(() => server.stop());
  return server;
}

const JSON_REQUEST = JSON.stringify({
  id: 'a',
  inputs: [
    { name: 'INPUT0', datatype: 'INT32', shape: [1, 16], data: Array.from({ length: 16 }, (_, i) => i) },
    { name: 'INPUT1', datatype: 'INT32', shape: [1, 16], data: new Array(16).fill(1) },
  ],
});

/** As the binary extension has it: JSON, and the tensors behind it. */
function binaryRequest(tensors: Readonly<Record<string, Buffer>>, datatype: string, shape: number[]) {
  const json = JSON.stringify({
    inputs: Object.entries(tensors).map(([name, { length }]) => ({
      name,
      datatype,
      shape,
      parameters: { binary_data_size: length },
    })),
    parameters: { binary_data_output: true },
  });
  return {
    body: Buffer.concat([Buffer.from(json), ...Object.values(tensors)]),
    headers: { 'Inference-Header-Content-Length': String(json.length) },
  };
}

/** The bytes behind the JSON of an answer. */
const binaryOf = ({ headers, body }: Reply): Buffer =>
  body.subarray(Number(headers['inference-header-content-length']));

describe('a client over HTTP', () => {
  let server: TestServer;
  const http = (method: string, path: string, body: string | Uint8Array = '', headers = {}): Promise<Reply> =>
    ask(server.server.httpPort ?? 0, method, path, body, { headers });

  beforeAll(async () => {
    server = await serve(
      {},
      {
        lifecycle: testLifecycle({ controlMode: 'explicit', loadModels: ['simple', 'echo'] }),
      },
    );
  });

  afterAll(undoAll);

  it('asks whether it can begin, and with what', async () => {
    for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/models/simple/versions/1/ready']) {
      expect([(await http('GET', path)).status, (await http('HEAD', path)).status]).toEqual([200, 200]);
    }
    expect((await http('GET', '/v2/models/never/ready')).status).toBe(400);
    expect((await http('GET', '/v2')).json).toMatchObject({ name: 'triton' });
    expect((await http('GET', '/v2/models/simple')).json).toMatchObject({
      platform: 'onnxruntime_onnx',
      inputs: [
        { name: 'INPUT0', datatype: 'INT32', shape: [-1, 16] },
        { name: 'INPUT1', datatype: 'INT32', shape: [-1, 16] },
      ],
    });
    expect((await http('GET', '/v2/models/simple/config')).json).toMatchObject({
      max_batch_size: 8,
      backend: 'onnxruntime',
      input: [
        { data_type: 'TYPE_INT32', dims: [16] },
        { data_type: 'TYPE_INT32', dims: [16] },
      ],
    });
  });

  it('infers with JSON', async () => {
    const { status, json } = await http('POST', '/v2/models/simple/infer', JSON_REQUEST);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: 'a',
      model_name: 'simple',
      model_version: '1',
      outputs: [{ name: 'OUTPUT0', data: Array.from({ length: 16 }, (_, i) => i + 1) }, { name: 'OUTPUT1' }],
    });
  });

  it('infers with binary tensors', async () => {
    const first = int32(...Array.from({ length: 16 }, (_, i) => 3 * i));
    const { body, headers } = binaryRequest(
      { INPUT0: first, INPUT1: int32(...new Array(16).fill(2)) },
      'INT32',
      [1, 16],
    );
    const reply = await http('POST', '/v2/models/simple/versions/1/infer', body, headers);
    expect([reply.status, reply.headers['content-type']]).toEqual([200, 'application/octet-stream']);
    expect(binaryOf(reply).readInt32LE(4)).toBe(5);
    expect(binaryOf(reply).readInt32LE(68)).toBe(1);
  });

  it('infers with megabytes', async () => {
    const values = Buffer.from(Float32Array.from({ length: 500_000 }, (_, i) => i).buffer);
    const { body, headers } = binaryRequest({ INPUT0: values }, 'FP32', [1, 500_000]);
    expect(binaryOf(await http('POST', '/v2/models/echo/infer', body, headers)).equals(values)).toBe(true);
  });

  it('compresses both ways', async () => {
    const reply = await http('POST', '/v2/models/simple/infer', gzipSync(JSON_REQUEST), {
      'Content-Encoding': 'gzip',
      'Accept-Encoding': 'gzip',
    });
    expect(reply.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(reply.body).toString())).toMatchObject({ id: 'a' });
  });

  it('sees what was counted', async () => {
    await http('POST', '/v2/models/simple/infer', JSON_REQUEST);
    const { model_stats: statistics } = (await http('GET', '/v2/models/simple/stats')).json as {
      model_stats: { inference_count: number }[];
    };
    expect(statistics[0]?.inference_count).toBeGreaterThan(0);
  });

  it('loads, replaces and unloads a model', async () => {
    const index = async (): Promise<unknown> => (await http('POST', '/v2/repository/index')).json;
    expect(await index()).toContainEqual({ name: 'never' });
    expect((await http('POST', '/v2/repository/models/never/load')).status).toBe(200);
    expect(await index()).toContainEqual({ name: 'never', version: '1', state: 'READY' });
    const parameters = {
      config: JSON.stringify({ backend: 'onnxruntime', max_batch_size: 0 }),
      'file:1/model.onnx': Buffer.from(addSub([4])).toString('base64'),
    };
    expect(
      await http('POST', '/v2/repository/models/never/load', JSON.stringify({ parameters })),
    ).toMatchObject({
      status: 200,
      text: '',
    });
    expect((await http('GET', '/v2/models/never')).json).toMatchObject({
      inputs: [{ shape: [4] }, { shape: [4] }],
    });
    expect((await http('POST', '/v2/repository/models/never/unload')).status).toBe(200);
    expect(await index()).toContainEqual({
      name: 'never',
      version: '1',
      state: 'UNAVAILABLE',
      reason: 'unloaded',
    });
    expect((await http('POST', '/v2/repository/models/nope/load')).status).toBe(500);
  });
});

describe('a stop', () => {
  afterEach(undoAll);

  it('answers what was accepted over HTTP, and closes', async () => {
    const server = await serve({ execute_delay_ms: '1000' });
    const port = server.server.httpPort ?? 0;
    const { body, headers } = binaryRequest({ INPUT0: fp32(7) }, 'FP32', [1, 1]);
    const socket = connect(port, '127.0.0.1');
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(
      `POST /v2/models/echo/infer HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${head.join('')}\r\n`,
    );
    socket.write(body);
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    // Its bytes came before those of these, so that it is in hand.
    for (let later = 0; later < 5; later++) await ask(port, 'GET', '/v2/health/live');
    const stopped = server.server.stop();
    expect((await ask(port, 'GET', '/v2/health/ready')).status).toBe(400);
    expect((await ask(port, 'POST', '/v2/models/echo/infer', body, { headers })).status).toBe(503);
    await once(socket, 'close');
    expect(await stopped).toBe('drained');
    const answer = Buffer.concat(pieces);
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*Connection: close\r\n/i);
    expect(answer.subarray(-4).equals(fp32(7))).toBe(true);
  });
});
