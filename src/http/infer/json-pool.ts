import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { serverErrors } from '../../errors/catalogue.js';
import { httpInferenceErrors } from '../../errors/http-inference-errors.js';
import type { Log } from '../../telemetry/log.js';
import type { JsonThreads } from './json-converter.js';
import type { JsonResult, JsonResults, JsonTask } from './json-task.js';

const JSON_THREAD = fileURLToPath(new URL('./json-thread.js', import.meta.url));

export interface JsonPoolOptions {
  readonly threads: number;
  readonly log: Log;
  /** Absolute path of the threads' entry; given by tests only. */
  readonly entry?: string;
}

/**
 * Threads that read and write JSON, started by the first large text. What waits for them is bounded by the
 * door: it belongs to requests whose bodies are counted. A thread that dies takes the requests it was
 * working on along; the next ones find a new thread.
 */
export class JsonPool implements JsonThreads {
  readonly #threads: number;
  readonly #log: Log;
  readonly #entry: string;
  /** null until the first task, and after all threads were lost. */
  #pool: Piscina<JsonTask, JsonResult> | null = null;
  readonly #running = new Set<Promise<JsonResult>>();
  #closed = false;

  constructor({ threads, log, entry = JSON_THREAD }: JsonPoolOptions) {
    this.#threads = threads;
    this.#log = log;
    this.#entry = entry;
  }

  async run<K extends JsonTask['kind']>(task: JsonTask & { readonly kind: K }): Promise<JsonResults[K]> {
    if (this.#closed) throw serverErrors.exiting();
    this.#pool ??= this.#start();
    const [given, bytes] = withOwnBuffer(task);
    const result = this.#pool
      .run(given, { transferList: [bytes.buffer as ArrayBuffer] })
      .catch((error: unknown) => {
        this.#log.error({ err: error }, 'a thread that converts JSON failed');
        throw httpInferenceErrors.jsonThreadLost();
      })
      .finally(() => this.#running.delete(result));
    this.#running.add(result);
    // A thread answers each kind of task with its kind of result.
    return (await result) as JsonResults[K];
  }

  /** Waits for what is being converted, then ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const pool = this.#pool;
    this.#pool = null;
    await pool?.destroy();
  }

  #start(): Piscina<JsonTask, JsonResult> {
    const pool = new Piscina<JsonTask, JsonResult>({
      filename: this.#entry,
      // A minimum, so that piscina replaces a thread that died even when nothing new comes.
      minThreads: this.#threads,
      maxThreads: this.#threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Without it a task that finds all threads busy is put behind those that came later.
      stricterFIFO: true,
      recordTiming: false,
      atomics: 'disabled',
    });
    // Emitted when a thread dies with nothing to do; without a listener it would end the process.
    pool.on('error', (error: unknown) =>
      this.#log.error({ err: error }, 'an idle thread that converts JSON failed'),
    );
    pool.on('workerDestroy', () => queueMicrotask(() => this.#dropIfEmpty(pool)));
    this.#log.debug({ threads: this.#threads }, 'threads that convert JSON started');
    return pool;
  }

  /** piscina gives up threads that die while they start, and would keep what waits for them for ever. */
  #dropIfEmpty(pool: Piscina<JsonTask, JsonResult>): void {
    if (this.#pool !== pool || pool.threads.length > 0) return;
    this.#pool = null;
    // Rejects what waits.
    void pool.destroy();
  }
}

/** The task with bytes that can be handed over: its own where nothing else is in their ArrayBuffer. */
function withOwnBuffer(task: JsonTask): readonly [task: JsonTask, bytes: Uint8Array] {
  const given = task.kind === 'write' ? task.data : task.bytes;
  const isAlone = given.byteLength === given.buffer.byteLength;
  // Of a Buffer, slice() would be no copy.
  const bytes = isAlone ? new Uint8Array(given.buffer) : new Uint8Array(given);
  return [task.kind === 'write' ? { ...task, data: bytes } : { ...task, bytes }, bytes];
}
