/** Trees of one model that are in use, as plain data. */
export interface HeldTrees {
  readonly model: string;
  /** Those fetched last of each part, newest last. */
  readonly fetched: readonly (readonly [part: string, trees: readonly string[]])[];
  /** Those of the generations saved last, newest last. */
  readonly saved: readonly (readonly string[])[];
}

/** Fetched for each part and not saved: what is tried now, and what other calls have just fetched. */
const FETCHED_MAX = 4;

/** What is served, and what it replaced, which may still answer its last requests or be kept warm. */
const SAVED_MAX = 2;

/**
 * Which trees of the cache this process uses. Nobody says when a tree is not used any more: what is
 * fetched is in use until a newer generation of its model has been saved, and that until the one after
 * the next.
 */
export class Holds {
  readonly #models = new Map<string, { fetched: Map<string, string[]>; saved: (readonly string[])[] }>();
  #loaded: readonly string[] = [];

  constructor(held: readonly HeldTrees[] = []) {
    for (const { model, fetched, saved } of held) {
      this.#models.set(model, {
        fetched: new Map(fetched.map(([part, trees]) => [part, [...trees]])),
        saved: [...saved],
      });
    }
  }

  fetched(model: string, part: string, tree: string): void {
    const { fetched } = this.#of(model);
    const trees = (fetched.get(part) ?? []).filter((other) => other !== tree);
    fetched.set(part, [...trees, tree].slice(-FETCHED_MAX));
  }

  saved(model: string, trees: readonly string[]): void {
    const held = this.#of(model);
    held.fetched.clear();
    const others = held.saved.filter((other) => other.join() !== trees.join());
    held.saved = [...others, trees].slice(-SAVED_MAX);
  }

  /** Nothing of a model is in use any more. */
  release(model: string): void {
    this.#models.delete(model);
  }

  /** What is loaded now, in place of what was. */
  loaded(trees: readonly string[]): void {
    this.#loaded = trees;
  }

  trees(): ReadonlySet<string> {
    const trees = [...this.#models.values()].flatMap(({ fetched, saved }) => [
      ...[...fetched.values()].flat(),
      ...saved.flat(),
    ]);
    return new Set([...trees, ...this.#loaded]);
  }

  snapshot(): HeldTrees[] {
    return [...this.#models].map(([model, { fetched, saved }]) => ({
      model,
      fetched: [...fetched],
      saved: [...saved],
    }));
  }

  #of(model: string): { fetched: Map<string, string[]>; saved: (readonly string[])[] } {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const held = { fetched: new Map<string, string[]>(), saved: [] };
    this.#models.set(model, held);
    return held;
  }
}
