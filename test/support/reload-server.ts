import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LifecycleSettings, ServerSettings } from '#naiad/settings/settings.js';
import { cli } from '../cli/run-cli.js';
import { ReloadLog } from './reload-log.js';
import { adderRequest, contentOf } from './reload-models.js';
import { type Files, TestRepository } from './repository.js';
import { startLoggedServer, type TestServer, testLifecycle } from './server.js';

export interface IndexRow {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly reason: string;
}

/** What a load of one model is made of in the history. */
export interface HistoryRow {
  readonly version: string;
  readonly event: string;
  readonly why: string;
  readonly steps: readonly { readonly name: string; readonly ms: number }[];
}

export interface ReloadOptions {
  /** Whether models are served from copies, which is usual. */
  readonly cache?: boolean;
  readonly lifecycle?: Partial<LifecycleSettings>;
  readonly settings?: Partial<ServerSettings>;
}

/** A server whose models change, its repository, and all that can be asked of them. */
export class ReloadServer {
  readonly repository: TestRepository;
  readonly test: TestServer<ReloadLog>;
  readonly #cache: string | null;

  private constructor(repository: TestRepository, cache: string | null, test: TestServer<ReloadLog>) {
    this.repository = repository;
    this.#cache = cache;
    this.test = test;
  }

  /**
   * In explicit mode with all models loaded at start, in poll mode with a look every 100 ms at files that
   * were left alone for 50 ms.
   */
  static async start(
    mode: 'explicit' | 'poll',
    files: Files,
    { cache = true, lifecycle = {}, settings = {} }: ReloadOptions = {},
  ): Promise<ReloadServer> {
    const repository = new TestRepository(files);
    const directory = cache ? mkdtempSync(join(tmpdir(), 'naiad-test-cache-')) : null;
    const test = await startLoggedServer(new ReloadLog(), {
      modelRepositories: [repository.directory],
      metrics: { enabled: true, address: '127.0.0.1', port: 0 },
      ...settings,
      lifecycle: testLifecycle({
        controlMode: mode,
        loadModels: null,
        pollSecs: 0.1,
        settleMs: mode === 'poll' ? 50 : 0,
        artifactCache: directory,
        ...lifecycle,
      }),
    });
    return new ReloadServer(repository, directory, test);
  }

  get log(): ReloadLog {
    return this.test.log;
  }

  async stop(): Promise<void> {
    await this.test.stop();
    this.repository.remove();
    if (this.#cache !== null) rmSync(this.#cache, { recursive: true, force: true });
  }

  /** Asks for a load of what lies in the repository, or of what the parameters say. */
  async load(model: string, parameters: object = {}): Promise<void> {
    await this.test.client.call('RepositoryModelLoad', { model_name: model, parameters });
  }

  async rollback(model: string): Promise<void> {
    await this.load(model, { rollback: { bool_param: true } });
  }

  async unload(model: string): Promise<void> {
    await this.test.client.call('RepositoryModelUnload', { model_name: model });
  }

  /** Version and content of an adder that answer a request now. */
  async answer(model: string, version = ''): Promise<{ version: string; content: number }> {
    const value = Math.floor(Math.random() * 1000);
    const response = await this.test.client.infer(adderRequest(model, value, { model_version: version }));
    return { version: String(response.model_version), content: contentOf(response, value) };
  }

  /** `max_batch_size` of the configuration that a model is served with. */
  async maxBatchSize(model: string): Promise<number> {
    const { config } = await this.test.client.call('ModelConfig', { name: model });
    return (config as { max_batch_size: number }).max_batch_size;
  }

  /** Rows of the index about one model. */
  async index(model: string): Promise<IndexRow[]> {
    const { models } = await this.test.client.call('RepositoryIndex');
    return (models as IndexRow[]).filter(({ name }) => name === model);
  }

  /** As `naiad models history` prints it. */
  async history(model: string): Promise<HistoryRow[]> {
    const url = `--url=127.0.0.1:${this.test.server.grpcPort}`;
    const { out, err } = await cli('models', 'history', model, '--json', url);
    if (err !== '') throw new Error(err);
    return JSON.parse(out) as HistoryRow[];
  }

  /** A series of /metrics, as it stands there with its labels; null when it is not there. */
  async metric(series: string): Promise<number | null> {
    const response = await fetch(`http://127.0.0.1:${this.test.server.metricsPort}/metrics`);
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? null : Number(line.slice(series.length));
  }

  /** Ids of the lanes that hold an instance of a model, which tell one session from another. */
  lanes(model: string): number[] {
    return this.test.server
      .status()
      .lanes.lanes.filter(({ instances }) => instances.some((name) => name.startsWith(`${model}_`)))
      .map(({ id }) => id);
  }

  /** Resolves when the repositories have been looked at this often from now on. */
  async scans(count: number): Promise<void> {
    const scans = async () => (await this.metric('naiad_repository_scans_total{outcome="ok"}')) ?? 0;
    const end = (await scans()) + count;
    while ((await scans()) < end) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
