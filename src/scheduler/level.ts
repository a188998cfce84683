import { LinkedList, type ListNode } from '../lib/linked-list.js';
import type { QueuePolicy } from '../model-config/model-spec.js';
import type { Job } from './scheduler.js';

/** A job's place in the queue, and all that has to be undone when it leaves. */
export class WaitingJob {
  readonly job: Job;
  readonly level: Level;
  /** Bytes of its inputs. */
  readonly bytes: number;
  /** When the queue policy strikes; Infinity when it does not or has struck already. */
  timeoutNs: number;
  /** The earlier of the client's deadline and `timeoutNs`. */
  expiryNs: number;
  heapIndex = -1;
  /** null once it has left the queue. */
  node: ListNode<WaitingJob> | null = null;
  /** Takes back the subscription to the job's cancellation. */
  unsubscribe: (() => void) | null = null;

  constructor(job: Job, level: Level, bytes: number, timeoutNs: number) {
    this.job = job;
    this.level = level;
    this.bytes = bytes;
    this.timeoutNs = timeoutNs;
    this.expiryNs = Math.min(timeoutNs, job.deadlineNs);
  }
}

/** The jobs of one priority: those in time, and behind them those that a DELAY policy has put back. */
export class Level {
  readonly number: number;
  readonly policy: QueuePolicy;
  readonly inTime = new LinkedList<WaitingJob>();
  readonly delayed = new LinkedList<WaitingJob>();

  constructor(number: number, policy: QueuePolicy) {
    this.number = number;
    this.policy = policy;
  }

  get length(): number {
    return this.inTime.length + this.delayed.length;
  }

  get first(): WaitingJob | null {
    return (this.inTime.head ?? this.delayed.head)?.value ?? null;
  }

  /** When the job that has waited longest was queued; what was put back has no order of arrival. */
  get oldestNs(): number {
    let oldestNs = this.inTime.head?.value.job.timings.queueStart ?? Number.POSITIVE_INFINITY;
    for (let node = this.delayed.head; node !== null; node = node.next) {
      oldestNs = Math.min(oldestNs, node.value.job.timings.queueStart);
    }
    return oldestNs;
  }

  /** The job behind `waiting` on this level. */
  after({ node }: WaitingJob): WaitingJob | null {
    if (node === null) return null;
    const next = node.next ?? (node.list === this.inTime ? this.delayed.head : null);
    return next?.value ?? null;
  }
}
