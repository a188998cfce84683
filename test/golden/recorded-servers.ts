import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startTestServer, type TestServer, testLifecycle, testSettings } from '../support/server.js';
import type { Case } from './recording.js';
import { Replayer } from './replayer.js';
import { modelObstacle } from './skipped.js';

const SHARED = resolve(process.env.NAIAD_SHARED ?? resolve(import.meta.dirname, '../../../shared'));
const PYTHON = process.env.NAIAD_PYTHON ?? 'python3';

export const ANSWERS = join(SHARED, 'golden/triton-answers.json');

/** Why the recording can't be replayed here; '' when it can. */
export function obstacle(): string {
  if (!existsSync(ANSWERS)) return `no recorded answers at ${ANSWERS} (set NAIAD_SHARED)`;
  try {
    execFileSync(PYTHON, ['-c', 'import numpy, onnx'], { stdio: 'ignore' });
    return '';
  } catch {
    return `${PYTHON} can't import numpy and onnx (set NAIAD_PYTHON)`;
  }
}

/** A server as one was when a group of cases was recorded: the same models, mode and models at start. */
export class RecordedServer {
  readonly server: TestServer;
  readonly replayer: Replayer;
  /** Models that were loaded at start when it was recorded, and are not here. */
  readonly leftOut: readonly string[];
  readonly #folder: string;

  private constructor(server: TestServer, leftOut: readonly string[], folder: string, repository: string) {
    this.server = server;
    this.leftOut = leftOut;
    this.replayer = new Replayer(server, repository);
    this.#folder = folder;
  }

  /** Starts one, freshly, over a repository that is written anew. */
  static async start(group: Case['group']): Promise<RecordedServer> {
    const folder = mkdtempSync(join(tmpdir(), 'naiad-golden-'));
    execFileSync(PYTHON, [join(SHARED, 'golden/make_models.py'), folder]);
    const flags = readFileSync(join(folder, `${group}.flags`), 'utf8');
    const named = [...flags.matchAll(/--load-model=(\S+)/g)].map((match) => String(match[1]));
    const repository = join(folder, group);
    const settings = testSettings();
    // Where the recorded server wrote; no case has requests while traces are on.
    const file = group === 'main' ? '/tmp/naiad-trace.json' : '';
    const server = await startTestServer({
      trace: { ...settings.trace, file },
      modelRepositories: [repository],
      allowClientSharedMemory: group === 'main',
      metrics: { enabled: true, address: '127.0.0.1', port: 0 },
      lifecycle: testLifecycle({
        controlMode: group === 'main' ? 'explicit' : 'none',
        loadModels: group === 'main' ? named.filter((name) => modelObstacle(name) === null) : null,
        artifactCache: join(folder, 'artifacts'),
      }),
    });
    const leftOut = named.filter((name) => modelObstacle(name) !== null);
    return new RecordedServer(server, leftOut, folder, repository);
  }

  async stop(): Promise<void> {
    this.replayer.close();
    await this.server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
