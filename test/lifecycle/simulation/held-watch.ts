import { deepEqual, ok } from 'node:assert/strict';
import type { Clock } from '#naiad/lib/clock.js';
import type { Catalog } from '#naiad/lifecycle/catalog.js';
import { LIMITS } from '#naiad/settings/limits.js';
import { reloadPolicyOf, type Scenario } from './scenario.js';
import type { ServedWatch } from './served-watch.js';

export interface HeldWatchContext {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly scenario: Scenario;
  readonly watch: Pick<ServedWatch, 'isArmed'>;
  /** Reads, loads and instances that were lost without a model being to blame. */
  readonly mishaps: () => number;
}

/** Watches models that are replaced in place: nobody is given an older version meanwhile, or waits for other models. */
export class HeldWatch {
  readonly #context: HeldWatchContext;
  /** Versions that are served, or were until what replaces them began to come, by model. */
  readonly #served = new Map<string, Set<number>>();
  /** Since when requests wait, by model. */
  readonly #heldSinceNs = new Map<string, number>();

  constructor(context: HeldWatchContext) {
    this.#context = context;
    context.catalog.onChange(() => this.#look());
  }

  /** Somebody who asked for the latest version was given this one. */
  checkLatest(name: string, version: number): void {
    const higher = this.#awaited(name).filter((other) => other > version);
    deepEqual(higher, [], `a request to '${name}' got version ${version} while higher ones are replaced`);
  }

  /** Somebody who asked for a version was refused. */
  checkRefusal(name: string, version: number): void {
    ok(!this.#awaited(name).includes(version), `'${name}' version ${version} is replaced and was refused`);
  }

  /** Where one model loads at a time, it is the one that requests wait for. */
  checkLoad(name: string): void {
    const { clock, scenario, mishaps } = this.#context;
    const loadsMax = scenario.busy === 'always' ? 1 : scenario.loadsMax;
    const isPlain = scenario.copies && mishaps() === 0;
    if (loadsMax > 1 || !isPlain || reloadPolicyOf(scenario) !== 'memory-preserving') return;
    for (const [other, sinceNs] of this.#heldSinceNs) {
      const isPatient = clock.nowNs() - sinceNs < LIMITS.reloadWaitMs * 1e6;
      ok(other === name || !isPatient, `'${name}' is loaded while requests wait for '${other}'`);
    }
  }

  /** Versions that were served, are not, and are about to be again. */
  #awaited(name: string): number[] {
    const { catalog, watch } = this.#context;
    if (!watch.isArmed(name)) return [];
    const coming = catalog.versions(name).filter(({ state }) => state === 'LOADING');
    return coming
      .map(({ version }) => version)
      .filter((version) => this.#served.get(name)?.has(version) ?? false);
  }

  #look(): void {
    const { catalog, clock, watch } = this.#context;
    const names = catalog.names();
    for (const known of [this.#served, this.#heldSinceNs]) {
      for (const name of known.keys()) if (!names.includes(name)) known.delete(name);
    }
    for (const name of names) {
      const served = (watch.isArmed(name) ? this.#served.get(name) : null) ?? new Set();
      const rows = catalog.versions(name);
      for (const { version, state } of rows) if (state === 'READY') served.add(version);
      for (const version of served) {
        const state = rows.find((row) => row.version === version)?.state;
        if (state !== 'READY' && state !== 'LOADING') served.delete(version);
      }
      this.#served.set(name, served);
      if (catalog.entry(name)?.held !== true) this.#heldSinceNs.delete(name);
      else if (!this.#heldSinceNs.has(name)) this.#heldSinceNs.set(name, clock.nowNs());
    }
  }
}
