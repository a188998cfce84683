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
  readonly guard: (check: () => void) => void;
  /** Reads, loads and instances that were lost without a model being to blame. */
  readonly mishaps: () => number;
}

/** Watches models that are replaced in place: nobody is given an older version meanwhile, or waits for other models. */
export class HeldWatch {
  readonly #context: HeldWatchContext;
  /** Versions that are served, or were until what replaces them began to come, by model. */
  readonly #served = new Map<string, Set<number>>();
  /** Since when requests wait, and how many mishaps there had been, by model. */
  readonly #held = new Map<string, { readonly sinceNs: number; readonly mishaps: number }>();

  constructor(context: HeldWatchContext) {
    this.#context = context;
    context.catalog.onChange(() => context.guard(() => this.#look()));
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
    if (loadsMax > 1 || !scenario.copies || reloadPolicyOf(scenario) !== 'memory-preserving') return;
    for (const [other, held] of this.#held) {
      const isLong = clock.nowNs() - held.sinceNs >= LIMITS.reloadWaitMs * 1e6;
      ok(
        other === name || isLong || mishaps() > held.mishaps,
        `'${name}' is loaded while requests wait for '${other}'`,
      );
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
    const { catalog, clock, watch, mishaps } = this.#context;
    const names = catalog.names();
    for (const known of [this.#served, this.#held]) {
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
      if (catalog.entry(name)?.held !== true) this.#held.delete(name);
      else if (!this.#held.has(name)) this.#held.set(name, { sinceNs: clock.nowNs(), mishaps: mishaps() });
      this.#checkHeld(name);
    }
  }

  /** Requests to what is awaited wait, and those to the latest version where that is among it. */
  #checkHeld(name: string): void {
    const { catalog } = this.#context;
    const entry = catalog.entry(name);
    const awaited = this.#awaited(name);
    deepEqual(
      awaited.filter((version) => entry?.heldVersions.includes(version) !== true),
      [],
      `nobody waits for these versions of '${name}'`,
    );
    const ready = catalog.versions(name).filter(({ state }) => state === 'READY');
    const isLower = awaited.some((version) => ready.every((row) => row.version < version));
    ok(!isLower || entry?.held === true, `nobody waits for the latest version of '${name}'`);
  }
}
