import type { Generation } from './generation.js';
import type { Revision, Target } from './revision.js';

/** The generations of a model that were served completely: the last one, and the one before it. */
export class ServedGenerations {
  #last: Generation | null = null;
  #before: Generation | null = null;

  /** All of a generation is served now. */
  add(generation: Generation): void {
    if (this.#last?.id !== generation.id) this.#before = this.#last;
    this.#last = generation;
  }

  clear(): void {
    this.#last = null;
    this.#before = null;
  }

  /** Whether a revision belongs to one of them, so that a roll back may lead to it. */
  has(revision: Revision): boolean {
    return [this.#last, this.#before].some(
      (generation) => generation !== null && targetsOf(generation).some((target) => revision.matches(target)),
    );
  }

  /** The latest of them that is not the one with this id, if all of it is loaded; null otherwise. */
  previous(id: string | undefined, revisions: Iterable<Revision>): Generation | null {
    const previous = this.#last?.id === id ? this.#before : this.#last;
    if (previous === null) return null;
    const loaded = [...revisions].filter(({ isLoaded }) => isLoaded);
    const isWhole = targetsOf(previous).every((target) =>
      loaded.some((revision) => revision.matches(target)),
    );
    return isWhole ? previous : null;
  }
}

/** The versions of a generation, each with it. */
export function targetsOf(generation: Generation): Target[] {
  return generation.versions.map((version) => ({ generation, version }));
}
