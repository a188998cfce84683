import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from '../support/client.js';
import { testGrpc, testHttp } from '../support/door-settings.js';
import { simpleRequest } from '../support/messages.js';
import { startTestServer, type TestServer, testLifecycle } from '../support/server.js';

const ONE_MODEL = { lifecycle: testLifecycle({ controlMode: 'explicit', loadModels: ['simple'] }) } as const;

describe('restricted APIs', () => {
  const restrictions = [
    { categories: ['inference', 'metadata'], header: 'Infer-Key', value: 's3cret' },
    { categories: ['health'], header: 'health-key', value: 'x' },
  ] as const;
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      ...ONE_MODEL,
      grpc: testGrpc({ restrictions }),
      http: testHttp({ restrictions }),
    });
  });
  afterAll(() => server.stop());

  const metadata = { 'triton-grpc-protocol-infer-key': 's3cret' };
  const refused = {
    code: grpc.status.UNAVAILABLE,
    details: "This protocol is restricted, expecting header 'triton-grpc-protocol-Infer-Key'",
  };

  it('answer those who send the header', async () => {
    await server.client.infer(simpleRequest(0, 1), { metadata });
    expect(await server.client.call('ServerMetadata', {}, { metadata })).toMatchObject({ name: 'triton' });
  });

  it.each([
    ['none', {}],
    ['a wrong one', { 'triton-grpc-protocol-infer-key': 's3cres' }],
    ['a longer one', { 'triton-grpc-protocol-infer-key': 's3cret!' }],
    ['that of another API', { 'triton-grpc-protocol-health-key': 'x' }],
  ])('refuse those who send %s', async (_, wrong) => {
    await expect(server.client.infer(simpleRequest(0, 1), { metadata: wrong })).rejects.toMatchObject(
      refused,
    );
    await expect(server.client.call('ServerMetadata', {}, { metadata: wrong })).rejects.toMatchObject(
      refused,
    );
  });

  it('are only those that were named', async () => {
    expect(await server.client.call('ModelStatistics')).toHaveProperty('model_stats');
    await expect(server.client.call('ServerLive')).rejects.toMatchObject({
      details: "This protocol is restricted, expecting header 'triton-grpc-protocol-health-key'",
    });
  });

  it('are refused before anything else is looked at', async () => {
    await expect(server.client.infer({ model_name: 'no_such' })).rejects.toMatchObject(refused);
  });

  it('are forbidden over HTTP without the header', async () => {
    const ask = (path: string, headers: Record<string, string> = {}) =>
      fetch(server.httpUrl + path, { headers });
    const forbidden = await ask('/v2');
    expect(forbidden.status).toBe(403);
    expect(forbidden.headers.get('content-type')).toBe('text/plain');
    expect(await forbidden.json()).toEqual({ error: "This API is restricted, expecting header 'Infer-Key'" });
    expect((await ask('/v2', { 'infer-key': 's3cret' })).status).toBe(200);
    expect((await ask('/v2/health/live')).status).toBe(403);
    expect((await ask('/v2/models/stats')).status).toBe(200);
  });
});

describe('TLS', () => {
  let folder: string;
  let server: TestServer | null = null;
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe' });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'naiad-test-'));
    for (const name of ['server', 'client']) {
      openssl(
        ...[
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-days',
          '2',
        ],
        ...['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`), '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      );
    }
  });
  afterEach(async () => {
    await server?.stop();
    server = null;
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function serve(mutual: boolean): Promise<TestServer> {
    const tls = {
      certificate: file('server.crt'),
      key: file('server.key'),
      roots: mutual ? file('client.crt') : '',
      mutual,
    };
    server = await startTestServer({ ...ONE_MODEL, grpc: testGrpc({ tls }) });
    return server;
  }

  async function infer({ server: { grpcPort } }: TestServer, identity: string | null): Promise<unknown> {
    const credentials = grpc.credentials.createSsl(
      readFileSync(file('server.crt')),
      identity === null ? null : readFileSync(file(`${identity}.key`)),
      identity === null ? null : readFileSync(file(`${identity}.crt`)),
    );
    const client = new TestClient(grpcPort ?? 0, {}, credentials);
    try {
      return await client.infer(simpleRequest(0, 1), { deadline: Date.now() + 20_000 });
    } finally {
      client.close();
    }
  }

  it('serves those who trust the certificate, and nobody in the clear', async () => {
    const started = await serve(false);
    expect(await infer(started, null)).toMatchObject({ model_name: 'simple' });
    await expect(started.client.call('ServerLive')).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  });

  it('asks for a certificate where it is mutual', async () => {
    const started = await serve(true);
    expect(await infer(started, 'client')).toMatchObject({ model_name: 'simple' });
    await expect(infer(started, null)).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  });

  it('says which file can not be read', async () => {
    const tls = { certificate: file('no.crt'), key: file('server.key'), roots: '', mutual: false };
    await expect(startTestServer({ ...ONE_MODEL, grpc: testGrpc({ tls }) })).rejects.toThrow(
      `--grpc-server-cert=${file('no.crt')} can't be read`,
    );
  });
});
