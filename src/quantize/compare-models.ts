import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { OutputComparison } from './compare.js';
import type { OutputError } from './report.js';
import type { RunnableModel } from './runtime.js';

/** Two models on the same samples. */
export interface Comparison {
  readonly samples: number;
  readonly outputs: readonly OutputError[];
  /** The fastest run: the others tell more of what else the machine did. */
  readonly runMs: { readonly original: number; readonly other: number };
}

export interface CompareOptions {
  /** Outputs whose numbers are those of classes. */
  readonly classOutputs: ReadonlySet<string>;
  readonly clock: Clock;
}

/** Runs of each model by which its speed is told, at least; the first of each is not counted. */
const TIMED_RUNS_MIN = 5;
/** As many where runs are short: on a busy machine a few of them may all have been held up. */
const TIMED_RUNS_MAX = 50;
/** Time in which both models together are run again for that. */
const TIMED_MS_MAX = 300;

/**
 * Has two models answer the same samples. Rejects with an Error for people when there is none, or when one
 * of the models can't answer.
 */
export async function compareModels(
  original: RunnableModel,
  other: RunnableModel,
  samples: AsyncIterable<readonly NamedTensor[]>,
  { classOutputs, clock }: CompareOptions,
): Promise<Comparison> {
  const comparisons = original.description.outputs.map(
    ({ name }) => new OutputComparison(name, classOutputs.has(name)),
  );
  const timed = (model: RunnableModel) => new TimedModel(model, clock);
  const [first, second] = [timed(original), timed(other)];
  let count = 0;
  let last: readonly NamedTensor[] = [];
  for await (const inputs of samples) {
    const expected = await first.run(inputs);
    const answer = await second.run(inputs);
    for (const [index, comparison] of comparisons.entries()) {
      const [a, b] = [expected[index], answer[index]];
      invariant(a !== undefined && b !== undefined, 'both models have the same outputs');
      comparison.add(a, b);
    }
    last = inputs;
    count++;
  }
  if (count === 0) throw new Error('there is no sample to compare with');
  const before = first.totalMs + second.totalMs;
  const isTimeLeft = (): boolean => first.totalMs + second.totalMs - before < TIMED_MS_MAX;
  while (first.runs <= TIMED_RUNS_MIN || (first.runs <= TIMED_RUNS_MAX && isTimeLeft())) {
    await first.run(last);
    await second.run(last);
  }
  return {
    samples: count,
    outputs: comparisons.map(({ error }) => error),
    runMs: { original: first.fastestMs, other: second.fastestMs },
  };
}

class TimedModel {
  readonly #model: RunnableModel;
  readonly #clock: Clock;
  readonly #times: number[] = [];

  constructor(model: RunnableModel, clock: Clock) {
    this.#model = model;
    this.#clock = clock;
  }

  get runs(): number {
    return this.#times.length;
  }

  get totalMs(): number {
    return this.#times.reduce((sum, ms) => sum + ms, 0);
  }

  get fastestMs(): number {
    const [, ...counted] = this.#times;
    return Math.min(...counted);
  }

  async run(inputs: readonly NamedTensor[]): Promise<readonly NamedTensor[]> {
    const startNs = this.#clock.nowNs();
    const outputs = await this.#model.run(inputs);
    this.#times.push((this.#clock.nowNs() - startNs) / 1e6);
    return outputs;
  }
}
