import { mapBounded } from '../../lib/bounded.js';
import type { Tensor } from '../../tensor/tensor.js';
import { CommandError } from '../exit-codes.js';
import { readSource } from '../read-source.js';
import type { ClassNames } from './classes.js';
import type { Answer } from './figures.js';
import type { LabelledItem } from './labelled-set.js';
import { classCountOf, ItemError, type Predictor, toAnswer } from './predictor.js';

/** An item that a model could not be asked. */
export interface FailedItem {
  readonly path: string;
  readonly reason: string;
}

export interface Asked {
  /** Of each predictor, for the same items in the same order. */
  readonly answers: readonly (readonly Answer[])[];
  readonly failed: readonly FailedItem[];
  /** Classes that the first predictor can tell; 0 = not known. */
  readonly classCount: number;
}

export interface AskOptions {
  readonly items: readonly LabelledItem[];
  readonly classes: ReadonlyMap<string, number>;
  readonly names: ClassNames;
  /** Items that are asked at the same time. */
  readonly concurrency: number;
  onItem(done: number): void;
}

/** With so many failures and no answer it is the model or the settings that are wrong. */
const FAILED_FIRST_MAX = 20;

/**
 * Asks all predictors for every item; one that fails with any of them is left out. Rejects with
 * {@link CommandError} when none can be asked.
 */
export async function askAll(predictors: readonly Predictor[], options: AskOptions): Promise<Asked> {
  const { items, classes, names, concurrency, onItem } = options;
  const failed: FailedItem[] = [];
  let done = 0;
  let classCount = 0;
  const rows = await mapBounded(items, concurrency, async ({ path, label }) => {
    const truth = classes.get(label) ?? 0;
    try {
      const source = await readItem(path);
      const answers: Answer[] = [];
      for (const predictor of predictors) {
        const output: Tensor = await predictor.ask(source);
        if (answers.length === 0) classCount = classCountOf(output);
        answers.push(toAnswer(output, truth, names));
      }
      return answers;
    } catch (error) {
      if (!(error instanceof ItemError)) throw error;
      const prefix = `${path}: `;
      const reason = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
      failed.push({ path, reason });
      if (failed.length > done && failed.length >= Math.min(FAILED_FIRST_MAX, items.length)) {
        throw new CommandError(`no item could be asked; ${path}: ${reason}`, { cause: error });
      }
      return null;
    } finally {
      onItem(++done);
    }
  });
  const answered = rows.filter((row) => row !== null);
  return {
    answers: predictors.map((_, index) => answered.flatMap((row) => row[index] ?? [])),
    failed: failed.sort((a, b) => (a.path < b.path ? -1 : 1)),
    classCount,
  };
}

async function readItem(path: string): ReturnType<typeof readSource> {
  try {
    return await readSource(path);
  } catch (error) {
    throw new ItemError((error as Error).message, { cause: error });
  }
}
