import { equal, ok } from 'node:assert/strict';
import type { Catalog } from '#naiad/lifecycle/catalog.js';
import type { ServingModel } from '#naiad/lifecycle/serving-model.js';
import { type Answering, answeringOf, type Expected, executorsOf, expectedOf, isSame } from './oracle.js';
import { reloadPolicyOf, type Scenario } from './scenario.js';
import type { VirtualRepositories } from './virtual-repositories.js';

/** A model that a client sent. */
export interface Sent {
  readonly name: string;
  readonly expected: Expected;
}

/** Looks at the catalog whenever it changes: nobody who is served may be dropped, and nothing served that never was whole. */
export class ServedWatch {
  readonly #catalog: Catalog;
  readonly #repositories: VirtualRepositories;
  readonly #scenario: Scenario;
  readonly #continuous: boolean;
  /** Models that must not be dropped. */
  readonly #armed = new Set<string>();
  readonly #seen = new WeakSet<ServingModel>();
  /** Unloads that were asked for and not answered, by model. */
  readonly unloading = new Map<string, number>();
  readonly sent: Sent[] = [];
  /** Configurations that were sent without files, by model. */
  readonly overrides = new Map<string, string[]>();
  started = false;
  #over = false;

  constructor(catalog: Catalog, repositories: VirtualRepositories, scenario: Scenario) {
    this.#catalog = catalog;
    this.#repositories = repositories;
    this.#scenario = scenario;
    this.#continuous = reloadPolicyOf(scenario) === 'availability-preserving';
  }

  /** Whether a model was served and still is to be. */
  isArmed(name: string): boolean {
    return this.#armed.has(name);
  }

  /** A client wants it unloaded. */
  disarm(name: string): void {
    this.#armed.delete(name);
  }

  /** From now on everything may go. */
  end(): void {
    this.#over = true;
    this.#armed.clear();
  }

  look(): void {
    for (const name of new Set([...this.#scenario.names, ...this.#catalog.names()])) this.#lookAt(name);
  }

  /** Until all is settled at the start the repositories are followed in any mode. */
  get #isPolled(): boolean {
    return this.#scenario.mode === 'poll' || !this.started;
  }

  #lookAt(name: string): void {
    const entries = this.#catalog.versions(name);
    const serving = entries.flatMap((entry) => entry.serving ?? []);
    for (const entry of entries) equal(entry.serving !== null, entry.state === 'READY');
    for (const model of serving) this.#check(model);
    if (this.#isPolled && this.#repositories.mayBeGone(name)) this.#armed.delete(name);
    if (serving.length === 0) {
      ok(!this.#armed.has(name) || !this.#continuous, `'${name}' was served and is not any more`);
      return;
    }
    if (this.#over || (this.unloading.get(name) ?? 0) > 0) return;
    if (!this.#isPolled || this.#repositories.isThere(name)) this.#armed.add(name);
  }

  /** A version that is served for the first time. */
  #check(model: ServingModel): void {
    if (this.#seen.has(model)) return;
    this.#seen.add(model);
    const executors = executorsOf(model.executors);
    ok(executors.every(({ released }) => !released));
    equal(new Set(executors).size, executors.length, 'an instance serves twice');
    // Without copies files may change while they are loaded.
    if (!this.#scenario.copies) return;
    equal(new Set(executors.map(({ content }) => content.number)).size, 1, 'instances of different content');
    const answering = answeringOf(model);
    ok(
      this.#wasThere(model.name, model.version, answering),
      `version ${model.version} of '${model.name}' never looked like this: ${JSON.stringify(answering)}`,
    );
  }

  #wasThere(name: string, version: number, answering: Answering): boolean {
    const configs = [null, ...(this.overrides.get(name) ?? [])];
    const inRepository = this.#repositories.quiet(name).some((snapshot) =>
      configs.some((config) =>
        snapshot.each.some((files) => {
          const expected = expectedOf({ files }, config);
          return expected.kind === 'served' && isSame(answering, expected.versions.get(version));
        }),
      ),
    );
    return inRepository || this.#wasSent(name, version, answering);
  }

  #wasSent(name: string, version: number, answering: Answering): boolean {
    return this.sent.some(
      (sent) =>
        sent.name === name &&
        sent.expected.kind === 'served' &&
        isSame(answering, sent.expected.versions.get(version)),
    );
  }
}
