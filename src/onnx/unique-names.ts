import type { OnnxModel } from './model.js';
import { graphsWithin } from './subgraphs.js';

/** Gives names for values and nodes that stand nowhere in a model, in none of its graphs, and are given once. */
export class UniqueNames {
  readonly #taken = new Set<string>();
  /** Where to go on counting for a base. */
  readonly #next = new Map<string, number>();

  constructor(model: OnnxModel) {
    for (const graph of graphsWithin(model.graph)) {
      for (const node of graph.nodes) {
        for (const name of [node.name, ...node.inputs, ...node.outputs]) this.#taken.add(name);
      }
      for (const { name } of [...graph.inputs, ...graph.outputs, ...graph.initializers])
        this.#taken.add(name);
      for (const { values } of graph.sparseInitializers) this.#taken.add(values.name);
    }
  }

  /** `base` itself when it is free, or else with a number behind it. */
  take(base: string): string {
    let name = base;
    let count = this.#next.get(base) ?? 1;
    while (this.#taken.has(name)) name = `${base}_${count++}`;
    this.#next.set(base, count);
    this.#taken.add(name);
    return name;
  }
}
