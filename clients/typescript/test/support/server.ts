// Starts the built server once for all tests, with models made for them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InferenceClient } from 'naiad-client';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    address: string;
    repository: string;
  }
}

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const READY_MS_MAX = 60_000;

const DATATYPES = [
  ...['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'],
  ...['FP16', 'BF16', 'FP32', 'FP64', 'STRING'],
];

const identity = (datatype: string): string => `
backend: "identity"
input { name: "INPUT0" data_type: TYPE_${datatype} dims: [ -1 ] }
output { name: "OUTPUT0" data_type: TYPE_${datatype} dims: [ -1 ] }
`;

/** Waits for a second row for longer than any test runs. */
const patient = (more: string): string => `
backend: "identity"
max_batch_size: 2
input { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
output { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
dynamic_batching { preferred_batch_size: [ 2 ] max_queue_delay_microseconds: 60000000 ${more} }
`;

const MODELS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    DATATYPES.map((datatype) => [`identity_${datatype.toLowerCase()}`, identity(datatype)]),
  ),
  patient: patient(''),
  patient_for_one: patient('default_queue_policy { max_queue_size: 1 }'),
  repeat: `
backend: "repeat"
model_transaction_policy { decoupled: true }
input { name: "IN" data_type: TYPE_INT32 dims: [ -1 ] }
input { name: "DELAY" data_type: TYPE_UINT32 dims: [ -1 ] }
input { name: "WAIT" data_type: TYPE_UINT32 dims: [ 1 ] }
output { name: "OUT" data_type: TYPE_INT32 dims: [ 1 ] }
output { name: "IDX" data_type: TYPE_UINT32 dims: [ 1 ] }
`,
};

export default async function start(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'naiad-client-'));
  const repository = join(folder, 'models');
  for (const [name, config] of Object.entries(MODELS)) {
    mkdirSync(join(repository, name, '1'), { recursive: true });
    writeFileSync(join(repository, name, 'config.pbtxt'), config);
  }
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const models = join(ROOT, 'model-repository');
  const server = spawn(
    process.execPath,
    [
      join(ROOT, 'dist', 'main.js'),
      'serve',
      ...[`--model-repository=${repository}`, `--model-repository=${models}`],
      ...[
        '--model-control-mode=explicit',
        '--load-model=*',
        '--grpc-address=127.0.0.1',
        `--grpc-port=${port}`,
      ],
      ...['--allow-http=false', '--allow-metrics=false', `--artifact-cache=${join(folder, 'artifacts')}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  server.stdout.on('data', (text) => (log += text));
  server.stderr.on('data', (text) => (log += text));

  await untilReady(address, () => {
    if (server.exitCode !== null) throw new Error(`the server ended with code ${server.exitCode}\n${log}`);
  });
  project.provide('address', address);
  project.provide('repository', repository);
  return async () => {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    const [code] = await ended;
    rmSync(folder, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the server ended with code ${code}\n${log}`);
  };
}

async function untilReady(address: string, check: () => void): Promise<void> {
  const client = new InferenceClient(address, { retry: false });
  const deadline = Date.now() + READY_MS_MAX;
  try {
    for (;;) {
      check();
      if (await client.isReady({ timeoutMs: 1000 }).catch(() => false)) return;
      if (Date.now() > deadline) throw new Error('the server is not ready');
      await pause(100);
    }
  } finally {
    client.close();
  }
}

async function freePort(): Promise<number> {
  const held = createServer().listen(0, '127.0.0.1');
  await once(held, 'listening');
  const address = held.address();
  held.close();
  await once(held, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The photograph of a smiling face that comes with the server. */
export const facePicture = (): Buffer => readFileSync(join(ROOT, 'examples', 'images', 'face.jpg'));
