import type { RunInputs, RunOutputs } from '#naiad/backend/backend.js';
import { ServingError } from '#naiad/errors/serving-error.js';
import type { Clock, Timer } from '#naiad/lib/clock.js';
import type { Executor } from '#naiad/worker/executor.js';
import { bytesTensor, int32Tensor, int32Values, laneLost, marksOf } from '../builders.js';
import type { Random } from './random.js';
import type { Scenario } from './scenario.js';

interface Run {
  readonly batch: RunInputs;
  readonly resolve: (outputs: RunOutputs) => void;
  readonly reject: (error: Error) => void;
}

/**
 * An instance that takes random time, fails now and then and may die. It answers OUT, its input IN, and
 * TEXT_OUT, each row's first value as a string repeated value % 5 times.
 */
export class SimulatedExecutor implements Executor {
  readonly name: string;
  readonly description = null;
  available = true;
  readonly #runs: Run[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #onRun: (executor: SimulatedExecutor, batch: RunInputs) => void;
  readonly #listeners = new Set<() => void>();
  #timer: Timer | null = null;

  constructor(
    name: string,
    clock: Clock,
    random: Random,
    scenario: Scenario,
    onRun: (executor: SimulatedExecutor, batch: RunInputs) => void,
  ) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#scenario = scenario;
    this.#onRun = onRun;
  }

  /** Those who want to know of availability. */
  get listeners(): number {
    return this.#listeners.size;
  }

  get inFlight(): number {
    return this.#runs.length;
  }

  onAvailability(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  run(batch: RunInputs): Promise<RunOutputs> {
    this.#onRun(this, batch);
    return new Promise((resolve, reject) => {
      this.#runs.push({ batch, resolve, reject });
      if (this.#runs.length === 1) this.#start();
    });
  }

  die(): void {
    if (!this.available) return;
    this.#timer?.cancel();
    this.available = false;
    for (const run of this.#runs.splice(0)) run.reject(laneLost());
    for (const listener of this.#listeners) listener();
  }

  revive(): void {
    if (this.available) return;
    this.available = true;
    for (const listener of this.#listeners) listener();
  }

  unload(): Promise<void> {
    return Promise.resolve();
  }

  #start(): void {
    const runNs = this.#random.between(1, 2 * this.#scenario.runNs);
    this.#timer = this.#clock.setTimer(runNs, () => {
      const run = this.#runs.shift();
      if (this.#runs.length > 0) this.#start();
      if (this.#random.chance(this.#scenario.failureChance)) {
        run?.reject(new ServingError('INTERNAL', 'simulated failure'));
      } else {
        run?.resolve(this.#answer(run.batch, runNs));
      }
    });
  }

  #answer({ inputs, outputs }: RunInputs, runNs: number): RunOutputs {
    const input = inputs.find(({ name }) => name === 'IN');
    if (input === undefined) throw new Error('IN is missing');
    const rows = this.#scenario.spec.maxBatchSize > 0 ? (input.shape[0] ?? 0) : 1;
    const values = int32Values(input);
    const texts = Array.from({ length: rows }, (_, row) => textOf(values[(row * values.length) / rows] ?? 0));
    const answers = [
      { ...int32Tensor('OUT', input.shape, values) },
      bytesTensor('TEXT_OUT', [rows, 1], texts),
    ];
    return {
      outputs: answers.filter(({ name }) => outputs.includes(name)),
      marks: marksOf(this.#clock.nowNs(), runNs),
    };
  }
}

export function textOf(value: number): string {
  return String(value).repeat(value % 5);
}
