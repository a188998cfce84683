import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { serverErrors } from '../../errors/catalogue.js';
import { ServingError } from '../../errors/serving-error.js';
import type { StorePlaces } from '../../repository/open-file-store.js';
import { LIMITS } from '../../settings/limits.js';
import type { Log } from '../../telemetry/log.js';
import type { PrepareCalls, PrepareKind, PrepareReply, PrepareRequest } from './prepare-message.js';

const PREPARE_THREAD = fileURLToPath(new URL('./prepare-thread.js', import.meta.url));

export interface PreparePoolOptions {
  /** What a new thread is told first. */
  readonly places: () => StorePlaces;
  readonly log: Log;
  /** Absolute path of the thread's entry; given by tests only. */
  readonly entry?: string;
}

/**
 * The preparing thread, started by the first call. When it dies all pending calls reject, and the next
 * one starts another.
 */
export class PreparePool {
  readonly #places: () => StorePlaces;
  readonly #log: Log;
  readonly #entry: string;
  #pool: Piscina<PrepareRequest, PrepareReply> | null = null;
  readonly #pending = new Set<{ readonly settled: Promise<void>; readonly fail: (error: Error) => void }>();
  #closed = false;
  /** Whose death has been told of. */
  #noted: Piscina<PrepareRequest, PrepareReply> | null = null;

  constructor({ places, log, entry = PREPARE_THREAD }: PreparePoolOptions) {
    this.#places = places;
    this.#log = log;
    this.#entry = entry;
  }

  /** Rejects with what was thrown there, a ServingError or an Error for people. */
  async ask<K extends PrepareKind>(
    request: { readonly kind: K } & PrepareCalls[K]['request'],
  ): Promise<PrepareCalls[K]['reply']> {
    if (this.#closed) throw serverErrors.exiting();
    const pool = this.#pool ?? this.#start();
    const reply = await this.#send(pool, request as unknown as PrepareRequest);
    for (const text of reply.warnings) this.#log.warn({}, text);
    if (reply.kind === 'done') return reply.value as PrepareCalls[K]['reply'];
    const { code, text } = reply.error;
    throw code === null ? new Error(text) : new ServingError(code, text);
  }

  /** Waits for what is pending, then ends the thread. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const pool = this.#pool;
    if (pool === null) return;
    await Promise.all([...this.#pending].map(({ settled }) => settled));
    if (this.#pool === pool) await this.#send(pool, { kind: 'close' }).catch(() => {});
    this.#pool = null;
    await pool.close();
  }

  #start(): Piscina<PrepareRequest, PrepareReply> {
    const pool = new Piscina<PrepareRequest, PrepareReply>({
      filename: this.#entry,
      // A minimum of one would make piscina start a thread that was not told where models lie.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: LIMITS.inFlightRequestsMax,
      recordTiming: false,
      // Waiting on Atomics would stop the thread between the chunks of a file.
      atomics: 'disabled',
    });
    pool.on('workerDestroy', () => this.#threadEnded(pool));
    // Emitted when a thread dies with nothing to do; without a listener it would end the process.
    pool.on('error', (error: unknown) => this.#log.error({ err: error }, 'the preparing thread has failed'));
    this.#pool = pool;
    this.#send(pool, { kind: 'open', places: this.#places() }).catch(() => {});
    return pool;
  }

  #send(pool: Piscina<PrepareRequest, PrepareReply>, request: PrepareRequest): Promise<PrepareReply> {
    const { promise, resolve, reject } = withResolvers<PrepareReply>();
    const call = { settled: promise.then(ignore, ignore), fail: reject };
    this.#pending.add(call);
    // Never with a signal: aborting a running task ends its thread.
    pool.run(request).then(resolve, (error: Error) => {
      if (this.#noted !== pool) {
        this.#log.error({ err: error }, 'the preparing thread did not answer');
        this.#noted = pool;
      }
      reject(lost());
    });
    return promise.finally(() => this.#pending.delete(call));
  }

  #threadEnded(pool: Piscina<PrepareRequest, PrepareReply>): void {
    if (this.#pool !== pool) return;
    this.#pool = null;
    // Not left to piscina: it forgets calls that wait for a thread which dies while it starts.
    for (const { fail } of this.#pending) fail(lost());
    void pool.close();
  }
}

function lost(): Error {
  return new Error('the thread that reads model repositories has stopped, it is started again');
}

function ignore(): void {}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: Error) => void;
} {
  let resolve: (value: T) => void = ignore;
  let reject: (error: Error) => void = ignore;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
