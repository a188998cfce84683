import { queueErrors, serverErrors } from '../errors/catalogue.js';
import type { ServingError } from '../errors/serving-error.js';
import type { Clock, Timer } from '../lib/clock.js';
import { LIMITS } from '../settings/limits.js';
import type { QueueStatus } from '../telemetry/triton-families.js';
import { Alarm } from './alarm.js';
import { decide } from './decide.js';
import { type Batch, batchRecord, jobResults, run, stampTimings } from './execute.js';
import type { Instance, Instances } from './instances.js';
import type { WaitingJob } from './level.js';
import type { OrderedRelease, Turn } from './ordered-release.js';
import { type BatchPolicy, withoutDelay } from './policy.js';
import type { JobQueue } from './queue.js';
import type { AnsweringModel } from './scatter.js';
import type { BatchRecord, FailureReason, Job, JobResult, Scheduler } from './scheduler.js';

const REPLACEMENT_WAIT_NS = LIMITS.replacementWaitMs * 1e6;

/** The parts of a scheduler, which has them to itself. */
export interface DispatcherParts {
  readonly model: AnsweringModel;
  readonly policy: BatchPolicy;
  readonly prefetch: boolean;
  readonly queue: JobQueue;
  /** Makes the instances, which report changes of availability. */
  readonly instances: (onAvailability: () => void) => Instances;
  /** null when answers may overtake each other. */
  readonly order: OrderedRelease | null;
  readonly clock: Clock;
  onBatch(record: BatchRecord): void;
}

/** The thin loop: whenever something changes, asks what to do and does it. */
export class Dispatcher implements Scheduler {
  readonly #model: AnsweringModel;
  #policy: BatchPolicy;
  readonly #prefetch: boolean;
  readonly #queue: JobQueue;
  readonly #instances: Instances;
  readonly #order: OrderedRelease | null;
  readonly #clock: Clock;
  readonly #onBatch: (record: BatchRecord) => void;
  readonly #alarm: Alarm;
  /**
   * Jobs that arrived in this turn of the event loop. They are looked at together, so that what was read
   * from the sockets at once runs as one batch, unless they make a full one before.
   */
  #fresh: WaitingJob[] = [];
  #freshRows = 0;
  /** Rows of a full batch; 0 where jobs run one by one. */
  readonly #gatherRows: number;
  #pending = 0;
  #dispatching = false;
  /** Until when the queue's first batch waits to grow; Infinity when nothing waits for that. */
  #growsUntilNs = Number.POSITIVE_INFINITY;
  #drained: PromiseWithDone | null = null;
  /** Runs while no instance lives. */
  #replacementTimer: Timer | null = null;
  #abandoned = false;

  constructor(parts: DispatcherParts) {
    this.#model = parts.model;
    this.#policy = parts.policy;
    this.#prefetch = parts.prefetch;
    this.#gatherRows = parts.policy.kind === 'dynamic' ? parts.policy.preferredRowsMax : 0;
    this.#queue = parts.queue;
    this.#instances = parts.instances(() => this.#availabilityChanged());
    this.#order = parts.order;
    this.#clock = parts.clock;
    this.#onBatch = parts.onBatch;
    this.#alarm = new Alarm(parts.clock, () => this.#dispatch());
    // They may have served a scheduler before this one, and have died since.
    if (!this.#instances.available) this.#availabilityChanged();
  }

  get pending(): number {
    return this.#pending;
  }

  get queued(): number {
    return this.#queue.length;
  }

  queueStatus(): QueueStatus {
    const { length, rows, bytes, oldestNs } = this.#queue;
    return { requests: length, rows, bytes, oldestNs, handedOver: this.#instances.jobsBehind };
  }

  submit(job: Job): void {
    const waiting = this.#accept(job);
    if (waiting === null) return;
    this.#fresh.push(waiting);
    this.#freshRows += job.rows;
    if (this.#freshRows >= this.#gatherRows) this.#dispatchFresh();
    else if (this.#fresh.length === 1) this.#clock.afterTurn(() => this.#dispatchFresh());
  }

  drain(): Promise<void> {
    if (this.#drained === null) {
      this.#drained = promiseWithDone();
      this.#policy = withoutDelay(this.#policy);
      this.#dispatch();
      this.#finishDrain();
    }
    return this.#drained.promise;
  }

  /** Queues a job; null when it was refused. */
  #accept(job: Job): WaitingJob | null {
    if (this.#drained !== null) return refuse(job, 'OTHER', serverErrors.schedulerStopping());
    if (job.cancellation.cancelled) return refuse(job, 'CANCELED', queueErrors.cancelled());
    if (this.#abandoned) return refuse(job, 'OTHER', queueErrors.noInstance(this.#model.name));
    const nowNs = this.#clock.nowNs();
    if (job.deadlineNs <= nowNs) return refuse(job, 'CANCELED', queueErrors.deadline());
    const add = (): WaitingJob | null => this.#queue.add(job, nowNs, this.#instances.idle() !== null);
    let waiting = add();
    if (waiting === null && this.#fresh.length > 0) {
      // What has only just arrived may leave at once and make room.
      this.#dispatchFresh();
      waiting = add();
    }
    if (waiting === null) return refuse(job, 'OTHER', queueErrors.full(job.prefix));
    job.timings.queueStart = nowNs;
    this.#pending++;
    return waiting;
  }

  #availabilityChanged(): void {
    if (this.#instances.available) {
      this.#replacementTimer?.cancel();
      this.#replacementTimer = null;
      this.#abandoned = false;
    } else if (!this.#abandoned) {
      this.#replacementTimer ??= this.#clock.setTimer(REPLACEMENT_WAIT_NS, () => this.#abandon());
    }
    this.#dispatch();
  }

  /** No instance has come back: nobody is kept waiting for one, until it does. */
  #abandon(): void {
    this.#replacementTimer = null;
    this.#abandoned = true;
    for (const job of this.#queue.take(this.#queue.length)) {
      this.#fail(job, 'BACKEND', queueErrors.noInstance(this.#model.name));
    }
  }

  #dispatchFresh(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#freshRows = 0;
    for (const waiting of fresh) if (waiting.job.cancellation.cancelled) this.#cancel(waiting);
    this.#dispatch();
    // Most jobs of a server that keeps up never wait: only those that do need watching.
    for (const waiting of fresh) if (waiting.node !== null) this.#watch(waiting);
  }

  #cancel(waiting: WaitingJob): boolean {
    if (!this.#queue.remove(waiting)) return false;
    this.#fail(waiting.job, 'CANCELED', queueErrors.cancelled());
    return true;
  }

  #watch(waiting: WaitingJob): void {
    this.#queue.watch(waiting);
    waiting.unsubscribe = waiting.job.cancellation.onCancel(() => {
      if (this.#cancel(waiting)) this.#dispatch();
    });
    this.#alarm.ringBy(this.#queue.nextExpiryNs);
  }

  /**
   * Sends all that can be sent. Changes made meanwhile (a settled client may submit its next job at once)
   * are seen by the dispatch under way: nothing it settles comes after its last look at the queue.
   */
  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    this.#growsUntilNs = Number.POSITIVE_INFINITY;
    try {
      const nowNs = this.#clock.nowNs();
      this.#expire(nowNs);
      while (this.#sendNext(nowNs));
    } finally {
      this.#dispatching = false;
    }
    this.#alarm.ringBy(Math.min(this.#queue.nextExpiryNs, this.#growsUntilNs));
  }

  /** Hands one batch over; false when there is none to send or nobody to take it. */
  #sendNext(nowNs: number): boolean {
    if (this.#queue.length === 0) return false;
    const idle = this.#instances.idle();
    const instance = idle ?? (this.#prefetch ? this.#instances.prefetching(this.#queue.length) : null);
    if (instance === null) return false;
    const decision = decide(this.#queue, nowNs, this.#policy);
    if (decision.kind === 'wait' && idle !== null) this.#growsUntilNs = decision.untilNs;
    if (decision.kind !== 'send' || (idle === null && !decision.complete)) return false;
    const jobs = this.#queue.take(decision.jobs);
    void this.#execute(instance, { jobs, rows: decision.rows }, this.#order?.take() ?? null);
    return true;
  }

  async #execute(instance: Instance, batch: Batch, turn: Turn | null): Promise<void> {
    this.#instances.handOver(instance, batch.jobs.length);
    const result = await run(instance.executor, this.#model, batch);
    const marks = result.kind === 'ran' ? result.outputs.marks : null;
    this.#instances.finish(instance, marks);
    // The instance first: it computes while the answers of this batch are being cut up and encoded.
    this.#dispatch();
    const results = jobResults(this.#model, batch, result);
    if (marks !== null) {
      stampTimings(batch.jobs, marks);
      this.#onBatch(batchRecord(batch.rows, marks));
    }
    if (turn === null || this.#order === null) this.#deliver(batch.jobs, results);
    else this.#order.release(turn, () => this.#deliver(batch.jobs, results));
  }

  #deliver(jobs: readonly Job[], results: readonly JobResult[]): void {
    jobs.forEach((job, index) => {
      if (job.cancellation.cancelled) this.#fail(job, 'CANCELED', queueErrors.cancelled());
      else this.#settle(job, results[index] as JobResult);
    });
  }

  #expire(nowNs: number): void {
    for (let waiting = this.#queue.takeExpired(nowNs); waiting !== null; ) {
      const { job, timeoutNs } = waiting;
      if (timeoutNs < job.deadlineNs) this.#fail(job, 'REJECTED', queueErrors.timeout());
      else this.#fail(job, 'CANCELED', queueErrors.deadline());
      waiting = this.#queue.takeExpired(nowNs);
    }
  }

  #fail(job: Job, reason: FailureReason, error: ServingError): void {
    this.#settle(job, { kind: 'failed', reason, error });
  }

  #settle(job: Job, result: JobResult): void {
    this.#pending--;
    job.settle(result);
    this.#finishDrain();
  }

  #finishDrain(): void {
    if (this.#drained === null || this.#pending > 0) return;
    this.#alarm.cancel();
    this.#replacementTimer?.cancel();
    this.#instances.letGo();
    this.#drained.done();
  }
}

function refuse(job: Job, reason: FailureReason, error: ServingError): null {
  job.settle({ kind: 'failed', reason, error });
  return null;
}

interface PromiseWithDone {
  readonly promise: Promise<void>;
  readonly done: () => void;
}

function promiseWithDone(): PromiseWithDone {
  let done = (): void => {};
  const promise = new Promise<void>((resolve) => {
    done = resolve;
  });
  return { promise, done };
}
