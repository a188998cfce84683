import { modelErrors } from '../errors/catalogue.js';
import type { IndexRow } from './index-rows.js';
import type { Lease, ServingModel } from './serving-model.js';

/** One version of a model as the index shows it; READY exactly when `serving` can be asked. */
export interface VersionEntry extends IndexRow {
  readonly serving: ServingModel | null;
}

/** All that is known of a model. */
export interface CatalogEntry {
  /** Why the model as a whole can't be served as its folder says; '' otherwise. */
  readonly reason: string;
  /**
   * Whether a server that is ready serves it: it has been served, or failed at the start, and was not
   * unloaded on purpose since. What comes later does not make a server unready that was ready without it.
   */
  readonly required: boolean;
  /** Nothing of it is served for a moment: requests are to wait rather than be refused. */
  readonly held: boolean;
  /** Versions that were served, are not for a moment, and come back: the same for requests to these. */
  readonly heldVersions: readonly number[];
  /** Ascending. */
  readonly versions: readonly VersionEntry[];
}

/** Whether requests to this version can be answered: it is published and an instance of it lives. */
export function isServed({ serving }: VersionEntry): boolean {
  return serving?.executors.some(({ available }) => available) ?? false;
}

/** Asks for the highest version that is ready. */
export const LATEST = -1;

/**
 * What is known and what is served, as the lifecycle of each model states it, and who holds it. Publishing
 * is atomic, since all of it happens on the serving thread.
 */
export class Catalog {
  readonly #models = new Map<string, CatalogEntry>();
  readonly #leases = new Map<ServingModel, number>();
  readonly #idle = new Map<ServingModel, (() => void)[]>();
  readonly #listeners = new Set<() => void>();

  /** Names of all known models, sorted. */
  names(): string[] {
    return [...this.#models.keys()].sort();
  }

  /** Undefined for unknown models. */
  entry(name: string): CatalogEntry | undefined {
    return this.#models.get(name);
  }

  /** Why the model as a whole is not served; '' when its versions speak for themselves. */
  reason(name: string): string {
    return this.#models.get(name)?.reason ?? '';
  }

  /** Versions of a model in ascending order; empty for unknown models. */
  versions(name: string): readonly VersionEntry[] {
    return this.#models.get(name)?.versions ?? [];
  }

  /** All versions that can be asked, by name and version. */
  *serving(): Iterable<ServingModel> {
    for (const name of this.names()) {
      for (const { serving } of this.versions(name)) if (serving !== null) yield serving;
    }
  }

  /**
   * Whether every model that is required is served, as strict readiness wants it. A new version that can't
   * be served does not count against a model whose old one still is.
   */
  allReady(): boolean {
    for (const { required, versions } of this.#models.values()) {
      if (required && !versions.some(isServed)) return false;
    }
    return true;
  }

  /**
   * The version that answers a request. Throws Triton's lookup errors.
   * @param version a version number or {@link LATEST}
   */
  find(name: string, version: number): ServingModel {
    const model = this.#models.get(name);
    if (model === undefined || isBlank(model)) {
      throw name.includes('\0') ? modelErrors.nameWithNul(name) : modelErrors.unknown(name);
    }
    if (version === LATEST) {
      const serving = model.versions.findLast((entry) => entry.serving !== null)?.serving;
      if (serving == null) throw modelErrors.noAvailableVersions(name);
      return serving;
    }
    const entry = model.versions.find((candidate) => candidate.version === version);
    if (entry === undefined) throw modelErrors.unknownVersion(name, version);
    if (entry.serving === null) throw modelErrors.versionNotReady(name, version);
    return entry.serving;
  }

  /** {@link find}, and holds the version until the lease is released. */
  lease(name: string, version: number): Lease {
    const model = this.find(name, version);
    this.#leases.set(model, (this.#leases.get(model) ?? 0) + 1);
    let held = true;
    return {
      model,
      release: () => {
        if (!held) return;
        held = false;
        this.#release(model);
      },
    };
  }

  /** Resolves when no request holds a version, which must not be published any more. */
  async idle(model: ServingModel): Promise<void> {
    if (!this.#leases.has(model)) return;
    await new Promise<void>((resolve) => {
      this.#idle.set(model, [...(this.#idle.get(model) ?? []), resolve]);
    });
  }

  /** Leases of a version that have not been released. */
  leases(model: ServingModel): number {
    return this.#leases.get(model) ?? 0;
  }

  /** Leases of all versions that have not been released. */
  get leased(): number {
    return [...this.#leases.values()].reduce((sum, count) => sum + count, 0);
  }

  /** States all that is known of a model, in place of what was. */
  update(name: string, entry: CatalogEntry): void {
    this.#models.set(name, entry);
    this.notify();
  }

  forget(name: string): void {
    this.#models.delete(name);
    this.notify();
  }

  /** Calls `listener` after every change; returns how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the listeners of a change that shows in a model itself: an instance of it died or came back. */
  notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #release(model: ServingModel): void {
    const left = (this.#leases.get(model) ?? 0) - 1;
    if (left > 0) {
      this.#leases.set(model, left);
      return;
    }
    this.#leases.delete(model);
    const waiting = this.#idle.get(model) ?? [];
    this.#idle.delete(model);
    for (const wake of waiting) wake();
  }
}

/** Nothing of it has ever been loaded: to clients it is not there, as in Triton. */
function isBlank({ versions }: CatalogEntry): boolean {
  return versions.length === 0;
}
