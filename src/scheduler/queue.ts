import { invariant } from '../lib/invariant.js';
import type { SchedulingSpec } from '../model-config/model-spec.js';
import type { QueueView } from './decide.js';
import { ExpiryHeap } from './expiry-heap.js';
import { Level, WaitingJob } from './level.js';
import { NO_PRIORITY, priorityLevel, queuePolicy, queueTimeoutUs } from './queue-policy.js';
import type { Job } from './scheduler.js';

/** What may wait in one queue. */
export interface QueueBounds {
  /** Where the level's policy sets no bound. */
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/**
 * Jobs waiting for an instance, in the order of service: by priority level, then by arrival. Adding and
 * removing are O(1) but for the search among the levels in use and the heap of expiries.
 */
export class JobQueue implements QueueView<WaitingJob> {
  readonly #scheduling: SchedulingSpec;
  readonly #bounds: QueueBounds;
  /** Ascending; only levels with jobs, except that the one level of a model without priorities stays. */
  readonly #levels: Level[] = [];
  readonly #expiries = new ExpiryHeap<WaitingJob>();
  #length = 0;
  #rows = 0;
  #bytes = 0;

  constructor(scheduling: SchedulingSpec, bounds: QueueBounds) {
    this.#scheduling = scheduling;
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#length;
  }

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the job that has waited longest was queued, monotonic; Infinity when nothing waits. */
  get oldestNs(): number {
    let oldestNs = Number.POSITIVE_INFINITY;
    for (const level of this.#levels) oldestNs = Math.min(oldestNs, level.oldestNs);
    return oldestNs;
  }

  /** Infinity when nothing watched expires. */
  get nextExpiryNs(): number {
    return this.#expiries.nearest?.expiryNs ?? Number.POSITIVE_INFINITY;
  }

  first(): WaitingJob | null {
    return this.#firstFrom(0);
  }

  after(waiting: WaitingJob): WaitingJob | null {
    return waiting.level.after(waiting) ?? this.#firstFrom(this.#indexOf(waiting.level.number) + 1);
  }

  /**
   * Queues `job`; null when it exceeds a bound. The server-wide bounds spare a job that `passesThrough`
   * an otherwise empty queue.
   */
  add(job: Job, nowNs: number, passesThrough: boolean): WaitingJob | null {
    const number = priorityLevel(this.#scheduling, job.priority);
    const index = this.#indexOf(number);
    const found = this.#levels[index];
    const level = found?.number === number ? found : new Level(number, queuePolicy(this.#scheduling, number));
    const bytes = inputBytes(job);
    if (this.#exceeds(level, job.rows, bytes, passesThrough)) return null;
    if (level !== found) this.#levels.splice(index, 0, level);
    const timeoutUs = queueTimeoutUs(level.policy, job.timeoutUs);
    const timeoutNs = timeoutUs === 0 ? Number.POSITIVE_INFINITY : nowNs + timeoutUs * 1000;
    const waiting = new WaitingJob(job, level, bytes, timeoutNs);
    waiting.node = level.inTime.push(waiting);
    this.#length++;
    this.#rows += job.rows;
    this.#bytes += bytes;
    return waiting;
  }

  /** From now on `waiting` counts for {@link nextExpiryNs}. */
  watch(waiting: WaitingJob): void {
    if (waiting.expiryNs !== Number.POSITIVE_INFINITY) this.#expiries.add(waiting);
  }

  /** Takes `waiting` out, wherever it stands; false when it had left already. */
  remove(waiting: WaitingJob): boolean {
    const { node, level, job } = waiting;
    if (node?.list?.remove(node) !== true) return false;
    waiting.node = null;
    this.#expiries.remove(waiting);
    waiting.unsubscribe?.();
    waiting.unsubscribe = null;
    this.#length--;
    this.#rows -= job.rows;
    this.#bytes -= waiting.bytes;
    if (level.length === 0 && level.number !== NO_PRIORITY) {
      this.#levels.splice(this.#indexOf(level.number), 1);
    }
    return true;
  }

  /** Takes the first `count` jobs out. */
  take(count: number): Job[] {
    const jobs: Job[] = [];
    while (jobs.length < count) {
      const waiting = this.first();
      invariant(waiting !== null, `${count} jobs decided, ${jobs.length} queued`);
      this.remove(waiting);
      jobs.push(waiting.job);
    }
    return jobs;
  }

  /**
   * Takes out and returns one watched job whose time is over, null when there is none. A job that its
   * policy delays stays, behind the others of its level, until its client's own deadline.
   */
  takeExpired(nowNs: number): WaitingJob | null {
    for (;;) {
      const waiting = this.#expiries.nearest;
      if (waiting === undefined || waiting.expiryNs > nowNs) return null;
      if (waiting.job.deadlineNs <= nowNs || waiting.level.policy.timeoutAction === 'REJECT') {
        this.remove(waiting);
        return waiting;
      }
      this.#delay(waiting);
    }
  }

  #delay(waiting: WaitingJob): void {
    const { level } = waiting;
    this.#expiries.remove(waiting);
    if (waiting.node !== null) level.inTime.remove(waiting.node);
    waiting.node = level.delayed.push(waiting);
    waiting.timeoutNs = Number.POSITIVE_INFINITY;
    waiting.expiryNs = waiting.job.deadlineNs;
    this.watch(waiting);
  }

  #exceeds(level: Level, rows: number, bytes: number, passesThrough: boolean): boolean {
    const { queueRequestsMax } = level.policy;
    if (queueRequestsMax !== 0 && level.length >= queueRequestsMax) return true;
    if (passesThrough && this.#length === 0) return false;
    if (this.#bytes + bytes > this.#bounds.bytesMax) return true;
    return queueRequestsMax === 0 && this.#rows + rows > this.#bounds.rowsMax;
  }

  /** The index of the first level from `number` on. */
  #indexOf(number: number): number {
    let low = 0;
    let high = this.#levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#levels[middle] as Level).number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #firstFrom(index: number): WaitingJob | null {
    return this.#levels[index]?.first ?? null;
  }
}

function inputBytes(job: Job): number {
  let bytes = 0;
  for (const { data } of job.inputs) bytes += data.length;
  return bytes;
}
