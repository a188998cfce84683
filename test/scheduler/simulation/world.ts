import { deepEqual, equal, ok } from 'node:assert/strict';
import type { RunInputs } from '#naiad/backend/backend.js';
import { createScheduler } from '#naiad/scheduler/create.js';
import { allowsPrefetch } from '#naiad/scheduler/policy.js';
import { queuePolicy } from '#naiad/scheduler/queue-policy.js';
import type { JobResult, Scheduler } from '#naiad/scheduler/scheduler.js';
import { FakeClock } from '../../support/fake-clock.js';
import { int32Values } from '../builders.js';
import type { Random } from './random.js';
import type { Scenario } from './scenario.js';
import { SimulatedExecutor } from './simulated-executor.js';
import { expectOwnRows, ROWS_PER_JOB, randomJob, type SimulatedJob } from './simulated-job.js';

/** How often what happened, to show that a simulation did not miss the point. */
export type Tally = Map<string, number>;

/** A scheduler, its clients and its instances; everything that it does is checked as it happens. */
export class World {
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #tally: Tally;
  readonly #clock: FakeClock;
  readonly #executors: readonly SimulatedExecutor[];
  readonly #scheduler: Scheduler;
  readonly #jobs = new Map<number, SimulatedJob>();
  /** Ids in the order of their hand-over, as long as they are not settled. */
  readonly #running: number[] = [];
  #lastId = 0;
  /** The job that is being submitted; 0 when none is. */
  #arriving = 0;
  #violation: unknown = null;

  constructor(random: Random, scenario: Scenario, tally: Tally) {
    this.#random = random;
    this.#scenario = scenario;
    this.#tally = tally;
    this.#clock = new FakeClock({ holdsTurns: random.chance(0.5) });
    this.#executors = Array.from(
      { length: scenario.instances },
      (_, index) =>
        new SimulatedExecutor(`e${index}`, this.#clock, random, scenario, (executor, batch) =>
          this.#guard(() => this.#checkHandOver(executor, batch)),
        ),
    );
    this.#scheduler = createScheduler({
      model: 'm',
      spec: scenario.spec,
      executors: this.#executors,
      clock: this.#clock,
      queueRowsMax: scenario.queueRowsMax,
      queueBytesMax: scenario.queueBytesMax,
      onBatch: () => this.#count('batch'),
    });
  }

  async step(): Promise<void> {
    const random = this.#random;
    const choice = random.next();
    if (choice < 0.6) for (let left = random.between(1, 4); left > 0; left--) this.#submit();
    else if (choice < 0.7) this.#cancelOne();
    this.#clock.endTurn();
    for (const executor of this.#executors) {
      if (!executor.available && random.chance(0.3)) executor.revive();
      else if (random.chance(this.#scenario.deathChance)) executor.die();
    }
    await this.#clock.advance(0);
    this.#checkRest();
    await this.#clock.advance(random.chance(0.3) ? 0 : random.between(1, this.#scenario.runNs));
    this.#checkRest();
  }

  /** Lets everything come to its end; afterwards nothing may be left. */
  async finish(): Promise<void> {
    for (const executor of this.#executors) executor.revive();
    const drained = this.#scheduler.drain();
    this.#submit();
    for (let rounds = 0; this.#jobs.size > 0 && rounds < 1000; rounds++) {
      await this.#clock.advance(this.#scenario.runNs);
    }
    this.#throwViolation();
    await drained;
    deepEqual([this.#jobs.size, this.#scheduler.pending, this.#scheduler.queued], [0, 0, 0]);
    equal(this.#clock.pendingTimers, 0);
    for (const { listeners } of this.#executors) equal(listeners, 0);
  }

  get #waiting(): SimulatedJob[] {
    return [...this.#jobs.values()].filter(({ state }) => state === 'waiting');
  }

  get #delayNs(): number {
    const { scheduling } = this.#scenario.spec;
    return scheduling.kind === 'dynamic' ? scheduling.queueDelayUsMax * 1000 : 0;
  }

  #hasIdleExecutor(): boolean {
    return this.#executors.some(({ available, inFlight }) => available && inFlight === 0);
  }

  #count(what: string): void {
    this.#tally.set(what, (this.#tally.get(what) ?? 0) + 1);
  }

  #submit(): void {
    const nowNs = this.#clock.nowNs();
    const simulated = randomJob(this.#random, this.#scenario, ++this.#lastId, nowNs, (job, result) =>
      this.#guard(() => this.#settled(job, result)),
    );
    const alone = this.#waiting.length === 0 && this.#hasIdleExecutor();
    this.#jobs.set(simulated.id, simulated);
    this.#arriving = simulated.id;
    this.#scheduler.submit(simulated.job);
    this.#arriving = 0;
    if (!alone) return;
    this.#clock.endTurn();
    if (this.#delayNs === 0) ok(simulated.state !== 'waiting');
  }

  #cancelOne(): void {
    const candidates = [...this.#jobs.values()].filter(({ canceller }) => !canceller.cancelled);
    if (candidates.length === 0) return;
    const { canceller, id, state } = this.#random.pick(candidates);
    canceller.cancel();
    if (state === 'waiting') equal(this.#jobs.has(id), false);
  }

  #checkHandOver(executor: SimulatedExecutor, batch: RunInputs): void {
    const { spec } = this.#scenario;
    const nowNs = this.#clock.nowNs();
    equal(executor.available, true);
    ok(executor.inFlight < (allowsPrefetch(spec.scheduling) ? 2 : 1));
    if (executor.inFlight > 0) this.#count('prefetch');
    for (const { data } of batch.inputs) equal(data.byteLength, data.buffer.byteLength);

    const jobs = this.#jobsOf(batch);
    const rows = jobs.reduce((sum, { job }) => sum + job.rows, 0);
    ok(rows <= Math.max(1, spec.maxBatchSize));
    if (spec.maxBatchSize > 0) for (const { shape } of batch.inputs) equal(shape[0], rows);
    if (spec.scheduling.kind === 'direct') equal(jobs.length, 1);
    if (jobs.length > 1) this.#count('batch of several');
    equal(new Set(jobs.map(({ width }) => width)).size, 1);
    equal(new Set(jobs.map(({ job }) => job.inputs.length)).size, 1);

    for (const simulated of jobs) {
      equal(simulated.state, 'waiting');
      equal(simulated.canceller.cancelled, false);
      ok(simulated.job.deadlineNs > nowNs);
      if (!simulated.delays) ok(simulated.timeoutNs > nowNs);
      if (simulated.timeoutNs <= nowNs) this.#count('delayed');
      simulated.state = 'running';
      this.#running.push(simulated.id);
    }
    for (const [index, taken] of jobs.entries()) {
      for (const behind of [...jobs.slice(index + 1), ...this.#waiting]) {
        // It may be on its way into a queue that makes room for it first.
        if (behind.id === this.#arriving) continue;
        equal(inOrder(taken, behind, nowNs), true);
      }
    }
  }

  /** The jobs of a batch, recognised by their rows, which must be complete and in order. */
  #jobsOf(batch: RunInputs): SimulatedJob[] {
    const values = batch.inputs.filter(({ name }) => name === 'IN').flatMap(int32Values);
    const jobs: SimulatedJob[] = [];
    for (let at = 0; at < values.length; ) {
      const job = this.#jobs.get(Math.floor((values[at] ?? -1) / ROWS_PER_JOB));
      if (job === undefined) throw new Error(`row ${values[at]} belongs to no job that is unsettled`);
      const end = at + job.job.rows * job.width;
      const own = job.job.inputs.filter(({ name }) => name === 'IN').flatMap(int32Values);
      deepEqual(values.slice(at, end), own);
      jobs.push(job);
      at = end;
    }
    return jobs;
  }

  #settled(simulated: SimulatedJob, result: JobResult): void {
    const { id, job, state } = simulated;
    const nowNs = this.#clock.nowNs();
    equal(this.#jobs.get(id), simulated, `job ${id} is settled once`);
    this.#jobs.delete(id);
    simulated.state = 'settled';
    if (state === 'running') this.#checkReleased(id);
    if (result.kind === 'answered') {
      this.#count('answered');
      equal(state, 'running');
      equal(simulated.canceller.cancelled, false);
      expectOwnRows(simulated, result.outputs);
    } else {
      this.#count(`${result.error.code} ${result.error.message.slice(0, 20)}`);
      this.#checkFailure(simulated, state, result.error.message, nowNs);
    }
    if (this.#random.chance(0.03) && this.#lastId < 400) this.#submit();
    equal(job.timings.computeEnd > 0 || result.kind === 'failed', true);
  }

  #checkReleased(id: number): void {
    const place = this.#running.indexOf(id);
    const { scheduling } = this.#scenario.spec;
    if (scheduling.kind === 'dynamic' && scheduling.preserveOrdering) equal(place, 0);
    this.#running.splice(place, 1);
  }

  #checkFailure(simulated: SimulatedJob, state: string, message: string, nowNs: number): void {
    const { job, timeoutNs, delays, canceller } = simulated;
    switch (message) {
      case '':
        equal(canceller.cancelled, true);
        break;
      case 'Request timeout expired':
        deepEqual([state, delays], ['waiting', false]);
        equal(nowNs, timeoutNs);
        break;
      case 'Deadline exceeded before the model ran':
        equal(state, 'waiting');
        equal(nowNs, job.deadlineNs);
        break;
      case 'Exceeds maximum queue size':
        this.#checkRefusal(simulated);
        break;
      case 'simulated failure':
      case 'the worker has stopped':
        equal(state, 'running');
        break;
      default:
        ok(message.includes('has stopped accepting new inference requests'));
    }
  }

  #checkRefusal({ level, bytes, job }: SimulatedJob): void {
    const { spec, queueRowsMax, queueBytesMax } = this.#scenario;
    const waiting = this.#waiting;
    const { queueRequestsMax } = queuePolicy(spec.scheduling, level);
    const ofLevel = waiting.filter((other) => other.level === level).length;
    if (queueRequestsMax > 0 && ofLevel >= queueRequestsMax) return;
    equal(waiting.length === 0 && this.#hasIdleExecutor(), false);
    const beyondRows = queueRequestsMax === 0 && sumRows(waiting) + job.rows > queueRowsMax;
    equal(beyondRows || sumBytes(waiting) + bytes > queueBytesMax, true);
  }

  /** Keeps what a check throws from the scheduler, which would take it for a failure of a run. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#violation ??= error;
    }
  }

  #throwViolation(): void {
    if (this.#violation !== null) throw this.#violation;
  }

  /** What must hold whenever the scheduler has nothing left to do. */
  #checkRest(): void {
    this.#throwViolation();
    const { spec, queueRowsMax, queueBytesMax } = this.#scenario;
    const { scheduling } = spec;
    const waiting = this.#waiting;
    deepEqual([this.#scheduler.queued, this.#scheduler.pending], [waiting.length, this.#jobs.size]);
    for (const { job, timeoutNs, delays } of waiting) {
      ok(job.deadlineNs > this.#clock.nowNs());
      if (!delays) ok(timeoutNs > this.#clock.nowNs());
    }
    if (this.#hasIdleExecutor()) {
      for (const { submittedNs } of waiting) ok(this.#clock.nowNs() - submittedNs < this.#delayNs);
    }
    if (waiting.length < 2) return;
    ok(sumBytes(waiting) <= queueBytesMax);
    if (waiting.every(({ level }) => queuePolicy(scheduling, level).queueRequestsMax === 0)) {
      ok(sumRows(waiting) <= queueRowsMax);
    }
  }
}

/** Whether the queue's order allows `a` to be served before `b`. Delayed jobs have none among themselves. */
function inOrder(a: SimulatedJob, b: SimulatedJob, nowNs: number): boolean {
  if (a.level !== b.level) return a.level < b.level;
  const aDelayed = a.timeoutNs <= nowNs;
  const bDelayed = b.timeoutNs <= nowNs;
  if (aDelayed !== bDelayed) return bDelayed;
  return aDelayed || a.id < b.id;
}

function sumRows(jobs: readonly SimulatedJob[]): number {
  return jobs.reduce((sum, { job }) => sum + job.rows, 0);
}

function sumBytes(jobs: readonly SimulatedJob[]): number {
  return jobs.reduce((sum, { bytes }) => sum + bytes, 0);
}
