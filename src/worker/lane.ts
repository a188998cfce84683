import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type {
  AnswerSink,
  InstanceOptions,
  ModelDescription,
  RunInputs,
  RunMarks,
  RunOutputs,
} from '../backend/backend.js';
import { ServingError, toServingError } from '../errors/serving-error.js';
import { invariant } from '../lib/invariant.js';
import { LIMITS } from '../settings/limits.js';
import type { Log } from '../telemetry/log.js';
import { AnswerRelay } from './answer-port.js';
import type { InstanceId, LaneError, LaneReply, LaneRequest } from './messages.js';
import { startAtLowPriority } from './thread-priority.js';
import { packTensors } from './transfer.js';

const LANE_THREAD = fileURLToPath(new URL('./lane-thread.js', import.meta.url));

/** What a request gets whose lane's thread ended before it answered. */
export class LaneLostError extends Error {
  override readonly name = 'LaneLostError';

  constructor(lane: number) {
    super(`the thread of lane ${lane} has stopped`);
  }
}

export interface LaneOptions {
  readonly id: number;
  readonly log: Log;
  /** Called once, before the pending requests reject, when the thread ends without having been asked to. */
  readonly onLost: () => void;
  /** Called when the thread did not get its priority back after a load of low priority. */
  readonly onSlowed: () => void;
}

/**
 * One thread that holds instances of models. It answers in the order of the requests; when the thread
 * dies the lane is lost for good: everything pending rejects with {@link LaneLostError} at once, and so
 * does everything after it.
 */
export class Lane {
  readonly id: number;
  readonly #log: Log;
  readonly #onLost: () => void;
  readonly #onSlowed: () => void;
  readonly #pool: Piscina<LaneRequest, LaneReply>;
  readonly #pending = new Set<(error: Error) => void>();
  #asked = 0;
  #busyNs = 0;
  /** `ending`: nothing is pending and piscina has been told to end the thread. */
  #state: 'open' | 'closing' | 'ending' | 'lost' = 'open';
  #idle: (() => void) | null = null;
  #deathNoted = false;

  constructor({ id, log, onLost, onSlowed }: LaneOptions) {
    this.id = id;
    this.#log = log;
    this.#onLost = onLost;
    this.#onSlowed = onSlowed;
    this.#pool = new Piscina<LaneRequest, LaneReply>({
      filename: LANE_THREAD,
      // One thread, started by the first request; a minimum of one would make piscina start a new thread,
      // empty of instances, as soon as one has died.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: LIMITS.inFlightRequestsMax,
      recordTiming: false,
      // When it is closed it has nothing to do; piscina's timer holds it in memory for so long all the same.
      closeTimeout: 1000,
      // Waiting on Atomics would stop the thread's event loop between runs, and with it the finalizers
      // that give back the native memory of outputs.
      atomics: 'disabled',
    });
    this.#pool.on('workerDestroy', () => this.#threadEnded());
    // Emitted when a thread dies with nothing to do; without a listener it would end the process.
    this.#pool.on('error', (error: unknown) => log.error({ lane: id, err: error }, 'lane thread failed'));
  }

  get lost(): boolean {
    return this.#state === 'lost';
  }

  /** Requests so far. */
  get asked(): number {
    return this.#asked;
  }

  /** Time that models ran in it. */
  get busyNs(): number {
    return this.#busyNs;
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /**
   * Creates an instance; with `lowPriority` at the cost of what else the lane holds rather than of other
   * threads. Rejects with an Error whose text is the reason.
   */
  async load(
    instance: InstanceId,
    backend: string,
    options: InstanceOptions,
    { lowPriority = false } = {},
  ): Promise<ModelDescription | null> {
    // The first request starts the thread.
    const ask = () => this.#ask({ kind: 'load', instance, backend, options, lowPriority }, []);
    const reply = await (lowPriority ? startAtLowPriority(ask) : ask());
    invariant(reply.kind === 'loaded' || reply.kind === 'failed', `lane answered '${reply.kind}' to a load`);
    if (reply.slowed) this.#onSlowed();
    if (reply.kind === 'failed') throw new Error(reply.error.text);
    return reply.description;
  }

  /** Rejects with ServingError, or with {@link LaneLostError} when the thread died. */
  async run(instance: InstanceId, { inputs, outputs }: RunInputs): Promise<RunOutputs> {
    const { tensors, transferList } = packTensors(inputs);
    const reply = await this.#ask(
      { kind: 'run', instance, batch: { inputs: tensors, outputs } },
      transferList,
    );
    if (reply.kind === 'failed') throw this.#rebuild(reply.error);
    invariant(reply.kind === 'ran', `lane answered '${reply.kind}' to a run`);
    this.#busyNs += reply.result.marks.end - reply.result.marks.start;
    return reply.result;
  }

  /** Resolves when `sink` has had all answers. Rejects as {@link run} does, and with what `sink` throws. */
  async stream(instance: InstanceId, { inputs, outputs }: RunInputs, sink: AnswerSink): Promise<RunMarks> {
    const { tensors, transferList } = packTensors(inputs);
    const { port1, port2 } = new MessageChannel();
    const relay = new AnswerRelay(port1, sink);
    try {
      const reply = await this.#ask(
        { kind: 'stream', instance, request: { inputs: tensors, outputs }, answers: port2 },
        [...transferList, port2],
      );
      if (relay.failure !== null) throw relay.failure.error;
      if (reply.kind === 'failed') throw this.#rebuild(reply.error);
      invariant(reply.kind === 'streamed', `lane answered '${reply.kind}' to a stream`);
      this.#busyNs += reply.marks.end - reply.marks.start;
      return reply.marks;
    } finally {
      relay.close();
    }
  }

  /** Resolves when the instance has given its memory back; rejects when it could not. */
  async unload(instance: InstanceId): Promise<void> {
    const reply = await this.#ask({ kind: 'unload', instance }, []);
    if (reply.kind === 'failed') throw this.#rebuild(reply.error);
  }

  /** Has its thread collect garbage; never rejects, does nothing once it is to end. */
  async tidy(): Promise<void> {
    if (this.#state !== 'open') return;
    await this.#ask({ kind: 'tidy' }, []).catch(() => {});
  }

  /** Waits for what is pending, then ends the thread; its instances must have been unloaded. */
  async close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    }
    if (this.#state === 'closing') this.#state = 'ending';
    // Nothing runs in the thread now, and only then piscina may end it.
    await this.#pool.close();
  }

  #ask(request: LaneRequest, transferList: readonly (ArrayBuffer | MessagePort)[]): Promise<LaneReply> {
    invariant(this.#state === 'open' || this.#state === 'lost', `lane ${this.id} is closing`);
    if (this.#state === 'lost') return Promise.reject(new LaneLostError(this.id));
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        this.#pending.delete(reject);
        if (this.#pending.size === 0) this.#idle?.();
      };
      this.#pending.add(reject);
      this.#asked++;
      // Never with a signal: aborting a running task ends its thread.
      this.#pool.run(request, { transferList: [...transferList] }).then(
        (reply) => {
          settled();
          resolve(reply);
        },
        (error: Error) => {
          settled();
          this.#noteFailure(error);
          reject(error);
        },
      );
    });
  }

  #threadEnded(): void {
    if (this.#state === 'ending' || this.#state === 'lost') return;
    this.#state = 'lost';
    this.#onLost();
    // Not left to piscina: it forgets requests that wait for a thread which dies while it starts.
    for (const reject of this.#pending) reject(new LaneLostError(this.id));
    this.#pending.clear();
    this.#idle?.();
  }

  /** Why the thread died, once for all that was pending; or why a message could not be sent. */
  #noteFailure(error: Error): void {
    if (this.#deathNoted) return;
    this.#deathNoted = this.lost;
    this.#log.error({ lane: this.id, err: error }, 'a lane did not answer');
  }

  #rebuild({ code, text, stack }: LaneError): ServingError {
    if (code !== null) return new ServingError(code, text);
    const cause = new Error(text);
    cause.stack = stack;
    this.#log.error({ lane: this.id, err: cause }, 'a model instance failed unexpectedly');
    return toServingError(cause);
  }
}
