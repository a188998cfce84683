/** Trees of one model that are in use, as plain data. */
export interface HeldTrees {
  readonly model: string;
  /** Those fetched last of each part, newest last. */
  readonly fetched: readonly (readonly [part: string, trees: readonly string[]])[];
  /** Those of the generations saved last, newest last. */
  readonly saved: readonly (readonly string[])[];
}

/** Trees that are remembered to have been in use; the others are like those of other processes. */
const LEFT_MAX = 65_536;

/**
 * Trees that this process has used and not asked for again since. They may still be in use in another way:
 * only those that are not held are waste.
 */
export class LeftTrees {
  readonly #trees = new Set<string>();

  add(trees: readonly string[]): void {
    for (const tree of trees) this.#trees.add(tree);
    for (const oldest of this.#trees) {
      if (this.#trees.size <= LEFT_MAX) break;
      this.#trees.delete(oldest);
    }
  }

  has(tree: string): boolean {
    return this.#trees.has(tree);
  }

  delete(tree: string): void {
    this.#trees.delete(tree);
  }
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
  readonly left = new LeftTrees();

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
    const trees = [...(fetched.get(part) ?? []).filter((other) => other !== tree), tree];
    fetched.set(part, trees.slice(-FETCHED_MAX));
    this.left.add(trees.slice(0, -FETCHED_MAX));
  }

  saved(model: string, trees: readonly string[]): void {
    const held = this.#of(model);
    this.left.add([...held.fetched.values()].flat());
    held.fetched.clear();
    const saved = [...held.saved.filter((other) => other.join() !== trees.join()), trees];
    held.saved = saved.slice(-SAVED_MAX);
    this.left.add(saved.slice(0, -SAVED_MAX).flat());
  }

  /** Nothing of a model is in use any more. */
  release(model: string): void {
    const held = this.#models.get(model);
    if (held === undefined) return;
    this.left.add([...held.fetched.values()].flat());
    this.left.add(held.saved.flat());
    this.#models.delete(model);
  }

  /** What is loaded now, in place of what was. */
  loaded(trees: readonly string[]): void {
    this.left.add(this.#loaded);
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
