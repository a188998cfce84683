import { equal, ok } from 'node:assert/strict';
import { ServingError } from '#naiad/errors/serving-error.js';
import { Canceller } from '#naiad/inference/request.js';
import { newTimings } from '#naiad/inference/timings.js';
import { sleep } from '#naiad/lib/clock.js';
import { type Catalog, LATEST } from '#naiad/lifecycle/catalog.js';
import type { Lease, ServingModel } from '#naiad/lifecycle/serving-model.js';
import { WaitingRoom } from '#naiad/lifecycle/waiting-room.js';
import type { JobResult } from '#naiad/scheduler/scheduler.js';
import { int32Tensor, int32Values } from '../../scheduler/builders.js';
import type { Random } from '../../scheduler/simulation/random.js';
import type { FakeClock } from '../../support/fake-clock.js';
import type { HeldWatch } from './held-watch.js';
import { executorsOf } from './oracle.js';
import { reloadPolicyOf, type Scenario } from './scenario.js';
import type { ServedWatch } from './served-watch.js';
import type { SimulatedExecutor } from './simulated-lanes.js';

export interface ClientsContext {
  readonly catalog: Catalog;
  readonly clock: FakeClock;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly watch: ServedWatch;
  readonly held: HeldWatch;
  readonly guard: (check: () => void) => void;
  readonly count: (what: string, of?: string) => void;
  /** Whether a load has failed, or an instance died, without a model being to blame. */
  readonly mishaps: () => number;
}

/** Those who ask models. */
export class Clients {
  readonly #context: ClientsContext;
  readonly #room: WaitingRoom;
  readonly #held = new Set<Lease>();
  /** Requests without an answer. */
  underWay = 0;

  constructor(context: ClientsContext) {
    this.#context = context;
    this.#room = new WaitingRoom(context.catalog, context.clock);
  }

  get leases(): number {
    return this.#held.size;
  }

  /** A version is unloaded, so nobody may hold it. */
  checkUnload(executor: SimulatedExecutor): void {
    for (const { model } of this.#held) {
      ok(!model.executors.includes(executor), `'${model.name}' is unloaded while a request holds it`);
    }
  }

  ask(name: string): void {
    this.underWay++;
    void this.#ask(name).then(
      () => this.underWay--,
      (error: unknown) =>
        this.#context.guard(() => {
          throw error;
        }),
    );
  }

  async #ask(name: string): Promise<void> {
    const { random, count, scenario } = this.#context;
    const version = random.chance(0.7) ? LATEST : random.between(1, 4);
    const canceller = new Canceller();
    const lease = await this.#admit(name, version, canceller);
    if (lease === null) return;
    this.#held.add(lease);
    const contents = executorsOf(lease.model.executors).map(({ content }) => content.number);
    if (random.chance(0.5)) await this.#hold(scenario.holdNsMax);
    const result = await this.#run(lease.model, canceller);
    if (result.kind === 'answered') {
      count('answered');
      const [answer] = result.outputs.flatMap(int32Values);
      ok(answer !== undefined && contents.includes(answer), `${answer} is not what was published`);
    } else this.#checkFailure(result.error, name);
    if (random.chance(0.5)) await this.#hold(scenario.holdNsMax);
    this.#held.delete(lease);
    lease.release();
  }

  /** As the service does; null when the model is not served. */
  async #admit(name: string, version: number, canceller: Canceller): Promise<Lease | null> {
    const { catalog, watch, held, scenario, guard, mishaps, count } = this.#context;
    const mishapsBefore = mishaps();
    const wasArmed = watch.isArmed(name);
    try {
      while (this.#room.isHeld(name, version)) {
        count(version === LATEST ? 'waited for a reload' : 'waited for the reload of a version');
        const deadlineNs = Number.POSITIVE_INFINITY;
        await this.#room.wait({ modelName: name, deadlineNs, cancellation: canceller }, version);
      }
      const lease = catalog.lease(name, version);
      if (version === LATEST) guard(() => held.checkLatest(name, lease.model.version));
      return lease;
    } catch (error) {
      if (!(error instanceof ServingError)) throw error;
      count(`refused: ${error.message.replace(/'[a-z]'|\d+/g, '_').slice(0, 60)}`);
      const isPatient = !error.message.includes('waited too long');
      if (version !== LATEST && isPatient) guard(() => held.checkRefusal(name, version));
      if (version !== LATEST || !wasArmed || !watch.isArmed(name)) return null;
      if (!isPatient) return null;
      const policy = reloadPolicyOf(scenario);
      const spared = policy !== 'availability-preserving' && (!scenario.copies || mishaps() > mishapsBefore);
      ok(spared, `a request to '${name}' was refused: ${error.message}`);
      return null;
    }
  }

  #run(model: ServingModel, canceller: Canceller): Promise<JobResult> {
    return new Promise((resolve) => {
      let settled = 0;
      model.scheduler.submit({
        prefix: '',
        inputs: [int32Tensor('IN', [1, 1], [7])],
        rows: 1,
        outputs: ['OUT'],
        priority: 0,
        timeoutUs: 0,
        deadlineNs: Number.POSITIVE_INFINITY,
        cancellation: canceller,
        timings: newTimings(this.#context.clock.nowNs()),
        settle: (result) => {
          this.#context.guard(() => equal(++settled, 1));
          resolve(result);
        },
      });
    });
  }

  #checkFailure({ message }: ServingError, name: string): void {
    const isLoss = message.includes('has stopped, the request') || message.includes('no instance of model');
    ok(isLoss && this.#context.mishaps() > 0, `a request to '${name}' failed: ${message}`);
    this.#context.count('lost with its lane');
  }

  #hold(nsMax: number): Promise<void> {
    return sleep(this.#context.clock, this.#context.random.between(1, nsMax));
  }
}
