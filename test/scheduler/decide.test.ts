import { describe, expect, it } from 'vitest';
import { newTimings } from '#naiad/inference/timings.js';
import { type Candidate, type Decision, decide, type QueueView } from '#naiad/scheduler/decide.js';
import { type BatchPolicy, batchPolicy } from '#naiad/scheduler/policy.js';
import { aJob, anInput, aPolicy, int32Tensor } from './builders.js';

const NOW = 1_000_000;

interface Waiting {
  readonly rows: number;
  /** Microseconds since it was queued. */
  readonly ageUs?: number;
  readonly width?: number;
  readonly inputs?: readonly string[];
}

class ArrayView implements QueueView<Candidate> {
  readonly #places: readonly Candidate[];
  visited = 0;

  constructor(waiting: readonly Waiting[]) {
    this.#places = waiting.map(({ rows, ageUs = 0, width = 1, inputs = ['IN'] }) => ({
      job: aJob({
        rows,
        timings: { ...newTimings(0), queueStart: NOW - ageUs * 1000 },
        inputs: inputs.map((name) => int32Tensor(name, [rows, width], new Array(rows * width).fill(0))),
      }),
    }));
  }

  first(): Candidate | null {
    this.visited++;
    return this.#places[0] ?? null;
  }

  after(place: Candidate): Candidate | null {
    this.visited++;
    return this.#places[this.#places.indexOf(place) + 1] ?? null;
  }
}

const rowsOf = (...rows: number[]): Waiting[] => rows.map((count) => ({ rows: count }));
const ones = (count: number): Waiting[] => rowsOf(...new Array<number>(count).fill(1));
const send = (jobs: number, rows: number, complete: boolean): Decision => ({
  kind: 'send',
  jobs,
  rows,
  complete,
});
const waitUs = (us: number): Decision => ({ kind: 'wait', untilNs: NOW + us * 1000 });

interface Row {
  readonly rule: string;
  readonly queue: readonly Waiting[];
  readonly policy?: BatchPolicy;
  readonly decision: Decision;
}

const variable = [anInput({ dims: [-1] })];
const optional = [anInput({ name: 'A' }), anInput({ name: 'B', optional: true })];

const ROWS: readonly Row[] = [
  { rule: 'b: an empty queue is idle', queue: [], decision: { kind: 'idle' } },
  // a: preferred sizes
  {
    rule: 'a: the only preferred size is reached',
    queue: ones(4),
    policy: aPolicy({ preferred: [4] }),
    decision: send(4, 4, true),
  },
  {
    rule: 'a: the largest preferred size reachable now, the rest stays',
    queue: ones(7),
    policy: aPolicy({ preferred: [2, 6], rowsMax: 8 }),
    decision: send(6, 6, true),
  },
  {
    rule: 'a: a smaller preferred size is not held back for a larger one, but could grow',
    queue: ones(3),
    policy: aPolicy({ preferred: [2, 6], rowsMax: 8, delayUs: 100 }),
    decision: send(2, 2, false),
  },
  {
    rule: 'a: sums of several rows count, not jobs',
    queue: rowsOf(3, 1, 1),
    policy: aPolicy({ preferred: [4], rowsMax: 8, delayUs: 100 }),
    decision: send(2, 4, true),
  },
  {
    rule: 'a: passing the largest preferred size without a hit sends what is before',
    queue: rowsOf(3, 2),
    policy: aPolicy({ preferred: [4], rowsMax: 8, delayUs: 100 }),
    decision: send(1, 3, true),
  },
  {
    rule: 'a: a hit before is better than what is before the passing one',
    queue: rowsOf(2, 1, 3),
    policy: aPolicy({ preferred: [2, 4], rowsMax: 8, delayUs: 100 }),
    decision: send(1, 2, true),
  },
  {
    rule: 'a: a sum of 4 after passing is no longer possible, 3 is sent although 4 rows of other jobs wait',
    queue: rowsOf(3, 2, 2),
    policy: aPolicy({ preferred: [4], rowsMax: 16, delayUs: 100 }),
    decision: send(1, 3, true),
  },
  {
    rule: 'a: max batch far beyond the largest preferred size does not enlarge a preferred batch',
    queue: ones(20),
    policy: aPolicy({ preferred: [4, 8], rowsMax: 16 }),
    decision: send(8, 8, true),
  },
  {
    rule: 'a: a preferred size below a shape border',
    queue: [{ rows: 2 }, { rows: 1 }, { rows: 1, width: 2 }],
    policy: aPolicy({ preferred: [2, 4], rowsMax: 8, inputs: variable }),
    decision: send(1, 2, true),
  },
  // c: send now
  {
    rule: 'c: the next job does not fit into the maximum',
    queue: rowsOf(5, 4),
    policy: aPolicy({ preferred: [8], rowsMax: 8, delayUs: 100 }),
    decision: send(1, 5, true),
  },
  {
    rule: 'a: reaching the maximum passes the largest preferred size too',
    queue: rowsOf(5, 3, 1),
    policy: aPolicy({ preferred: [7], rowsMax: 8, delayUs: 100 }),
    decision: send(1, 5, true),
  },
  {
    rule: 'c: a single job of the maximal size',
    queue: rowsOf(8),
    policy: aPolicy({ preferred: [8], rowsMax: 8, delayUs: 100 }),
    decision: send(1, 8, true),
  },
  {
    rule: 'c: a single job larger than every preferred size',
    queue: rowsOf(6),
    policy: aPolicy({ preferred: [4], rowsMax: 8, delayUs: 100 }),
    decision: send(1, 6, true),
  },
  {
    rule: 'c: another shape closes the batch',
    queue: [{ rows: 1 }, { rows: 1 }, { rows: 1, width: 2 }, { rows: 1 }],
    policy: aPolicy({ inputs: variable, delayUs: 100 }),
    decision: send(2, 2, true),
  },
  {
    rule: 'c: rows may differ where shapes must not',
    queue: rowsOf(1, 3),
    policy: aPolicy({ inputs: variable, delayUs: 100 }),
    decision: waitUs(100),
  },
  {
    rule: 'c: shapes are not looked at where all dims are fixed',
    queue: [{ rows: 1 }, { rows: 1, width: 2 }],
    decision: send(2, 2, false),
  },
  {
    rule: 'c: another set of optional inputs closes the batch, fewer',
    queue: [
      { rows: 1, inputs: ['A', 'B'] },
      { rows: 1, inputs: ['A'] },
    ],
    policy: aPolicy({ inputs: optional, delayUs: 100 }),
    decision: send(1, 1, true),
  },
  {
    rule: 'c: another set of optional inputs closes the batch, others',
    queue: [
      { rows: 1, inputs: ['A', 'B'] },
      { rows: 1, inputs: ['A', 'C'] },
    ],
    policy: aPolicy({ inputs: [...optional, anInput({ name: 'C', optional: true })], delayUs: 100 }),
    decision: send(1, 1, true),
  },
  {
    rule: 'c: equal sets of optional inputs in another order share a batch',
    queue: [
      { rows: 1, inputs: ['A', 'B'] },
      { rows: 1, inputs: ['B', 'A'] },
    ],
    policy: aPolicy({ inputs: optional }),
    decision: send(2, 2, false),
  },
  // d: no delay, or a delay that is over
  { rule: 'd: delay 0 sends what is there', queue: ones(3), decision: send(3, 3, false) },
  {
    rule: 'd: the oldest has waited long enough, all go',
    queue: [{ rows: 1, ageUs: 100 }, { rows: 1 }, { rows: 1 }],
    policy: aPolicy({ delayUs: 100 }),
    decision: send(3, 3, false),
  },
  {
    rule: 'd: over the delay a preferred size is no longer kept to',
    queue: [{ rows: 1, ageUs: 101 }, ...ones(4)],
    policy: aPolicy({ preferred: [4], rowsMax: 8, delayUs: 100 }),
    decision: send(5, 5, false),
  },
  {
    rule: 'd: over the delay the maximum still binds',
    queue: [{ rows: 1, ageUs: 101 }, ...ones(9)],
    policy: aPolicy({ preferred: [4], rowsMax: 8, delayUs: 100 }),
    decision: send(8, 8, true),
  },
  {
    rule: 'd: the oldest job counts wherever it stands',
    queue: [{ rows: 1 }, { rows: 1, ageUs: 100 }],
    policy: aPolicy({ delayUs: 100 }),
    decision: send(2, 2, false),
  },
  // e: wait
  {
    rule: 'e: waits for the rest of the delay',
    queue: [{ rows: 1, ageUs: 30 }, { rows: 1 }],
    policy: aPolicy({ delayUs: 100 }),
    decision: waitUs(70),
  },
  {
    rule: 'e: one nanosecond before the delay is over',
    queue: [{ rows: 1, ageUs: 99.999 }],
    policy: aPolicy({ delayUs: 100 }),
    decision: { kind: 'wait', untilNs: NOW + 1 },
  },
  {
    rule: 'a job that no batch will take keeps nobody waiting',
    queue: [
      { rows: 1, ageUs: 0 },
      { rows: 1, ageUs: 500, width: 2 },
    ],
    policy: aPolicy({ inputs: variable, delayUs: 100 }),
    decision: send(1, 1, true),
  },
  {
    rule: 'no batch dimension: one at a time',
    queue: ones(3),
    policy: aPolicy({ preferred: [0], rowsMax: 0, delayUs: 100 }),
    decision: send(1, 1, true),
  },
  {
    rule: 'direct: one at a time, whatever waits',
    queue: rowsOf(3, 1),
    policy: batchPolicy({ maxBatchSize: 8, inputs: [], scheduling: { kind: 'direct' } }),
    decision: send(1, 3, true),
  },
];

describe('decide', () => {
  it.each(ROWS)('$rule', ({ queue, policy = aPolicy(), decision }) => {
    expect(decide(new ArrayView(queue), NOW, policy)).toEqual(decision);
  });

  it('looks at no more jobs than fit into a batch', () => {
    const view = new ArrayView(ones(100));
    decide(view, NOW, aPolicy({ rowsMax: 8 }));
    expect(view.visited).toBe(8);
  });
});
