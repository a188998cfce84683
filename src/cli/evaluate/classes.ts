import { didYouMean } from '../../lib/did-you-mean.js';
import { CommandError } from '../exit-codes.js';

/** What a model calls its classes, by their indexes; where it has no name for one, its index. */
export class ClassNames {
  readonly #names: readonly string[];
  readonly #byKey = new Map<string, number | null>();

  constructor(names: readonly string[]) {
    this.#names = names;
    for (const [index, name] of names.entries()) {
      const key = keyOf(name);
      if (key === '') continue;
      // Two that differ in nothing but case and signs can only be meant exactly.
      this.#byKey.set(key, this.#byKey.has(key) ? null : index);
    }
  }

  nameOf(index: number): string {
    return this.#names[index] || String(index);
  }

  /** The class that a text names: exactly, or but for case and what can't stand in names of files. */
  indexOf(text: string): number | null {
    const exact = this.#names.indexOf(text);
    return exact >= 0 ? exact : (this.#byKey.get(keyOf(text)) ?? null);
  }

  get hasNames(): boolean {
    return this.#byKey.size > 0;
  }

  get names(): readonly string[] {
    return this.#names;
  }
}

/**
 * The class of each label of the data: by the model's names, or where all labels are whole numbers and name
 * nothing, by these. Throws {@link CommandError} that names the labels that can't be told.
 */
export function classesOf(labels: readonly string[], names: ClassNames): ReadonlyMap<string, number> {
  const named = labels.map((label) => [label, names.indexOf(label)] as const);
  const known = named.flatMap(([label, index]) => (index === null ? [] : [[label, index] as const]));
  if (known.length === labels.length) return new Map(known);
  if (labels.every((label) => /^\d{1,9}$/.test(label))) {
    return new Map(labels.map((label) => [label, Number(label)]));
  }
  const unknown = named.flatMap(([label, index]) => (index === null ? [label] : []));
  const listed = unknown.slice(0, LISTED_MAX).map((label) => `'${label}'${didYouMean(label, names.names)}`);
  const more = unknown.length > LISTED_MAX ? ` and ${unknown.length - LISTED_MAX} more` : '';
  throw new CommandError(
    names.hasNames
      ? `the model has no class ${listed.join(' ')}${more}; --labels names a file with a line for each class`
      : `the model does not name its classes, so ${listed.join(', ')}${more} can't be told: --labels names a file with a line for each class, in the model's order`,
  );
}

const LISTED_MAX = 5;

/** Names of folders can't have slashes, and often have no blanks and capitals. */
function keyOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}
