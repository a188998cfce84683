import { Piscina } from 'piscina';
import { serverErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import type { Log } from '../telemetry/log.js';

export interface TaskThreadsOptions {
  readonly threads: number;
  readonly log: Log;
  /** Absolute path of the threads' entry. */
  readonly entry: string;
  /** What one of them is, in the log: `decode thread`. */
  readonly name: string;
  /** What a request is told whose task died with its thread. */
  threadLost(): ServingError;
}

/**
 * Threads for tasks that know nothing of each other, started by the first one. A thread that dies takes
 * the task it was working on along; the next ones find a new thread. What waits is bounded by the caller.
 */
export class TaskThreads<Task, Result> {
  readonly #options: TaskThreadsOptions;
  /** null until the first task, and after all threads were lost. */
  #pool: Piscina<Task, Result> | null = null;
  readonly #running = new Set<Promise<Result>>();
  #closed = false;

  constructor(options: TaskThreadsOptions) {
    this.#options = options;
  }

  /** Throws UNAVAILABLE once the threads are being ended. */
  checkOpen(): void {
    if (this.#closed) throw serverErrors.exiting();
  }

  /** Runs a task, whose buffers in `transferList` are handed over. Rejects with ServingError. */
  run(task: Task, transferList: readonly ArrayBuffer[]): Promise<Result> {
    const { log, name, threadLost } = this.#options;
    this.#pool ??= this.#start();
    const result = this.#pool
      .run(task, { transferList: [...transferList] })
      .catch((error: unknown) => {
        log.error({ err: error }, `a ${name} failed`);
        throw threadLost();
      })
      .finally(() => this.#running.delete(result));
    this.#running.add(result);
    return result;
  }

  /** Waits for what runs, then ends the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    const pool = this.#pool;
    this.#pool = null;
    await pool?.destroy();
  }

  #start(): Piscina<Task, Result> {
    const { threads, log, entry, name } = this.#options;
    const pool = new Piscina<Task, Result>({
      filename: entry,
      // A minimum, so that piscina replaces a thread that died even when nothing new comes.
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Without it a task that finds all threads busy is put behind those that came later.
      stricterFIFO: true,
      recordTiming: false,
      atomics: 'disabled',
    });
    // Emitted when a thread dies with nothing to do; without a listener it would end the process.
    pool.on('error', (error: unknown) => log.error({ err: error }, `an idle ${name} failed`));
    pool.on('workerDestroy', () => queueMicrotask(() => this.#dropIfEmpty(pool)));
    log.debug({ threads }, `${name}s started`);
    return pool;
  }

  /** piscina gives up threads that die while they start, and would keep what waits for them for ever. */
  #dropIfEmpty(pool: Piscina<Task, Result>): void {
    if (this.#pool !== pool || pool.threads.length > 0) return;
    this.#pool = null;
    // Rejects what waits.
    void pool.destroy();
  }
}
