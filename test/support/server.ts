import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { type RunningServer, startServer } from '#naiad/server/server.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { DEFAULT_METERING } from '#naiad/settings/metering-settings.js';
import type { LifecycleSettings, ServerSettings } from '#naiad/settings/settings.js';
import { DEFAULT_TRACE_SETTING } from '#naiad/settings/trace-settings.js';
import { TestClient } from './client.js';
import { testGrpc, testHttp } from './door-settings.js';
import { RecordedLog } from './recorded-log.js';

export const BUNDLED_MODELS = resolve(import.meta.dirname, '../../model-repository');

/** Settings of a server on free loopback ports. */
export function testSettings(overrides: Partial<ServerSettings> = {}): ServerSettings {
  const cores = availableParallelism();
  return {
    id: 'triton',
    modelRepositories: [BUNDLED_MODELS],
    exitOnError: false,
    strictReadiness: true,
    statusMode: 'triton',
    autoComplete: true,
    modelLoadThreads: 4,
    lifecycle: testLifecycle(),
    exitTimeoutSecs: 30,
    grpc: testGrpc(),
    http: testHttp(),
    metrics: { enabled: false, address: '127.0.0.1', port: 0 },
    metering: DEFAULT_METERING,
    lanes: { cores, cpuLanes: 0, cpuLanesMax: 4 * cores },
    decodeThreads: cores,
    allowClientSharedMemory: false,
    queueRowsMax: LIMITS.queueRowsMax,
    queueBytesMax: LIMITS.queueBytesMax,
    trace: {
      mode: 'triton',
      initial: DEFAULT_TRACE_SETTING,
      file: '',
      collector: { url: '', resource: {}, queueSpansMax: 2048, delayMs: 5000, batchSpansMax: 512 },
    },
    log: { verbose: 0, info: true, warning: true, error: true, format: 'json', file: '', access: false },
    ...overrides,
  };
}

/** Models are read as soon as they are there, and served from where they lie. */
export function testLifecycle(overrides: Partial<LifecycleSettings> = {}): LifecycleSettings {
  return {
    controlMode: 'none',
    pollSecs: 1,
    loadModels: [],
    configName: '',
    settleMs: 0,
    loadRetries: 0,
    reloadPolicy: 'availability-preserving',
    keepWarmSecs: 0,
    artifactCache: null,
    artifactCacheBytes: 32 * 2 ** 30,
    ...overrides,
  };
}

export interface TestServer<L extends RecordedLog = RecordedLog> {
  readonly server: RunningServer;
  readonly client: TestClient;
  readonly log: L;
  readonly httpUrl: string;
  stop(): Promise<void>;
}

/** A real server with a real client. */
export function startTestServer(overrides: Partial<ServerSettings> = {}): Promise<TestServer> {
  return startLoggedServer(new RecordedLog(), overrides);
}

/** {@link startTestServer} with a log of one's own. */
export async function startLoggedServer<L extends RecordedLog>(
  log: L,
  overrides: Partial<ServerSettings> = {},
): Promise<TestServer<L>> {
  const server = await startServer(testSettings(overrides), log);
  const client = new TestClient(server.grpcPort ?? 0);
  return {
    server,
    client,
    log,
    httpUrl: `http://127.0.0.1:${server.httpPort}`,
    async stop(): Promise<void> {
      client.close();
      await server.stop();
    },
  };
}
