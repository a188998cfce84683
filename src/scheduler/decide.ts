import type { BatchPolicy, DynamicPolicy } from './policy.js';
import type { Job } from './scheduler.js';

/** A place in the queue. */
export interface Candidate {
  readonly job: Job;
}

/** The queue in the order of service, as far as deciding must see it. */
export interface QueueView<Place extends Candidate> {
  first(): Place | null;
  /** The place behind `place`, null at the end. */
  after(place: Place): Place | null;
}

export type Decision =
  | { readonly kind: 'idle' }
  /** Nothing to send before `untilNs`, unless the queue changes. */
  | { readonly kind: 'wait'; readonly untilNs: number }
  /**
   * Run the first `jobs` jobs together, `rows` rows; `complete` when no later arrival at the queue's end
   * would make the batch larger.
   */
  | { readonly kind: 'send'; readonly jobs: number; readonly rows: number; readonly complete: boolean };

const IDLE: Decision = { kind: 'idle' };

/**
 * What to do with the queue when an instance could take a batch at `nowNs`. Pure; looks at no more jobs
 * than fit into one batch. The dynamic rules are those of Triton's GetDynamicBatch.
 */
export function decide<Place extends Candidate>(
  view: QueueView<Place>,
  nowNs: number,
  policy: BatchPolicy,
): Decision {
  const first = view.first();
  if (first === null) return IDLE;
  if (policy.kind === 'direct') return { kind: 'send', jobs: 1, rows: first.job.rows, complete: true };
  return decideBatch(view, first, nowNs, policy);
}

function decideBatch<Place extends Candidate>(
  view: QueueView<Place>,
  first: Place,
  nowNs: number,
  policy: DynamicPolicy,
): Decision {
  const { batchRowsMax, preferredRows, preferredRowsMax, queueDelayNs } = policy;
  let jobs = 0;
  let rows = 0;
  let oldestNs = nowNs;
  let preferredJobs = 0;
  let preferred = 0;
  let closed = false;
  for (let place: Place | null = first; place !== null; place = view.after(place)) {
    const { job } = place;
    if (jobs > 0) {
      // Passing the largest preferred size without having met one: what is before counts as preferred.
      if (preferred === 0 && rows + job.rows > preferredRowsMax) {
        preferredJobs = jobs;
        preferred = rows;
      }
      if (rows + job.rows > batchRowsMax || policy.compatible?.(first.job, job) === false) {
        closed = true;
        break;
      }
    }
    jobs++;
    rows += job.rows;
    oldestNs = Math.min(oldestNs, job.timings.queueStart);
    if (preferredRows.has(rows)) {
      preferredJobs = jobs;
      preferred = rows;
    }
    if (rows >= batchRowsMax) {
      closed = true;
      break;
    }
  }
  const overdue = queueDelayNs > 0 && nowNs - oldestNs >= queueDelayNs;
  const full = rows >= preferredRowsMax;
  if (preferred > 0 && !overdue) {
    return { kind: 'send', jobs: preferredJobs, rows: preferred, complete: closed || full };
  }
  if (closed || full || overdue || queueDelayNs === 0) {
    return { kind: 'send', jobs, rows, complete: closed || (full && !overdue) };
  }
  return { kind: 'wait', untilNs: oldestNs + queueDelayNs };
}
