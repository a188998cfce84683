import type { Tensor } from '../../tensor/tensor.js';
import { fromElements } from '../elements.js';
import { CommandError } from '../exit-codes.js';
import type { Source } from '../infer-inputs.js';
import type { ClassNames } from './classes.js';
import { type Answer, bestOf, rankOf } from './figures.js';

/** A model that can be asked, on a server or in a file. */
export interface Predictor {
  /** What it is called in the report. */
  readonly name: string;
  /** Names of the classes by index, as the model has them; empty when it has none. */
  readonly classNames: readonly string[];
  /** The output with the classes. Rejects with {@link ItemError} when this item can't be asked. */
  ask(source: Source): Promise<Tensor>;
  close(): Promise<void>;
}

/** What is wrong concerns one item; others may be asked. */
export class ItemError extends Error {
  override readonly name = 'ItemError';
}

/** An output as the model declares it; -1 = any size. */
export interface OutputSignature {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** The output whose classes are looked at: the given one, or the only one that can hold scores of classes. */
export function chooseOutput(model: string, outputs: readonly OutputSignature[], given: string): string {
  const list = outputs
    .map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(',')}]`)
    .join(', ');
  if (given !== '') {
    if (outputs.some(({ name }) => name === given)) return given;
    throw new CommandError(`model '${model}' has no output '${given}', it has ${list}`);
  }
  const sized = ({ shape }: OutputSignature): number => shape.filter((dim) => dim !== 1 && dim !== -1).length;
  // A list of scores rather than the one class that some models name beside it.
  for (const likely of [outputs.filter((each) => sized(each) === 1), outputs]) {
    const [only, ...others] = likely;
    if (only !== undefined && others.length === 0) return only.name;
  }
  throw new CommandError(
    `which output holds the classes of model '${model}'? It has ${list}: use --output NAME`,
  );
}

/**
 * The answer that an output of one item gives: the best of its scores, a class by its index, or the name of
 * one. Throws {@link CommandError} for an output that is nothing of the kind, or has no such class.
 */
export function toAnswer({ datatype, shape, data }: Tensor, truth: number, names: ClassNames): Answer {
  const elements = fromElements(datatype, data);
  if (shape.filter((dim) => dim !== 1).length > 1 || elements.length === 0) {
    throw new CommandError(
      `an output of shape [${shape.join(',')}] holds no classes: --output names another one`,
    );
  }
  if (elements.length > 1 && datatype !== 'BYTES') {
    const scores = elements.map(Number);
    if (truth >= scores.length) {
      throw new CommandError(
        `the data has class ${truth}, the model tells ${scores.length} classes, from 0 on`,
      );
    }
    const predicted = bestOf(scores);
    return { truth, predicted, rank: predicted === truth ? 0 : rankOf(scores, truth) };
  }
  const [only] = elements;
  if (datatype === 'BYTES') return { truth, predicted: names.indexOf(String(only)) ?? NO_CLASS, rank: null };
  if (!/^U?INT/.test(datatype)) {
    throw new CommandError(
      'an output with one number for each item holds no classes: --output names another one',
    );
  }
  return { truth, predicted: Number(only), rank: null };
}

/** Classes that the model can tell by this output; 0 = not known. */
export function classCountOf({ datatype, shape }: Tensor): number {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return count > 1 && datatype !== 'BYTES' ? count : 0;
}

/** What is said in a text that names no class. */
const NO_CLASS = -1;
