import { modelErrors } from '../errors/catalogue.js';
import { invariant } from '../lib/invariant.js';
import type { Lease, ServingModel } from './serving-model.js';
import { MOVES, type VersionState } from './states.js';

/** One version of a model as the index shows it. */
export interface VersionEntry {
  readonly version: number;
  readonly state: VersionState;
  /** Empty unless it is not served. */
  readonly reason: string;
  readonly serving: ServingModel | null;
}

/** Whether requests to this version can be answered: it is published and an instance of it lives. */
export function isServed({ state, serving }: VersionEntry): boolean {
  return state === 'READY' && serving !== null && serving.executors.some(({ available }) => available);
}

interface MutableVersionEntry {
  version: number;
  state: VersionState;
  reason: string;
  serving: ServingModel | null;
  leases: number;
  idle: (() => void)[];
}

interface ModelEntry {
  /** Why the model as a whole can't be served: its folder or configuration; '' otherwise. */
  reason: string;
  readonly versions: Map<number, MutableVersionEntry>;
}

/** The reason of a version that was taken out of service on purpose, Triton's word. */
const UNLOADED = 'unloaded';

/** Asks for the highest version that is ready. */
export const LATEST = -1;

/**
 * What is known and what is served. Owns the state of every version; publishing and unpublishing are
 * atomic, since all of it happens on the serving thread.
 */
export class Catalog {
  readonly #models = new Map<string, ModelEntry>();
  readonly #listeners = new Set<() => void>();

  /** Names of all known models, sorted. */
  names(): string[] {
    return [...this.#models.keys()].sort();
  }

  /** Why the model as a whole is not served; '' when its versions speak for themselves. */
  reason(name: string): string {
    return this.#models.get(name)?.reason ?? '';
  }

  /** Versions of a model in ascending order; empty for unknown models. */
  versions(name: string): VersionEntry[] {
    const entry = this.#models.get(name);
    return entry === undefined ? [] : [...entry.versions.values()].sort((a, b) => a.version - b.version);
  }

  /** All versions that can be asked, by name and version. */
  *serving(): Iterable<ServingModel> {
    for (const name of this.names()) {
      for (const { state, serving } of this.versions(name)) {
        if (state === 'READY' && serving !== null) yield serving;
      }
    }
  }

  /** Whether every known model is served, as strict readiness wants it. */
  allReady(): boolean {
    for (const { reason, versions } of this.#models.values()) {
      if (reason !== '' || versions.size === 0) return false;
      for (const entry of versions.values()) {
        if (!isServed(entry) && entry.reason !== UNLOADED) return false;
      }
    }
    return true;
  }

  /**
   * The version that answers a request. Throws Triton's lookup errors.
   * @param version a version number or {@link LATEST}
   */
  find(name: string, version: number): ServingModel {
    return this.#find(name, version).serving as ServingModel;
  }

  /** {@link find}, and holds the version until the lease is released. */
  lease(name: string, version: number): Lease {
    const entry = this.#find(name, version);
    entry.leases++;
    let held = true;
    return {
      model: entry.serving as ServingModel,
      release: () => {
        if (!held) return;
        held = false;
        if (--entry.leases === 0) for (const wake of entry.idle.splice(0)) wake();
      },
    };
  }

  /** Makes a model known; `reason` tells why it can't be served at all. */
  announce(name: string, reason = ''): void {
    const entry = this.#models.get(name);
    if (entry === undefined) this.#models.set(name, { reason, versions: new Map() });
    else entry.reason = reason;
    this.#changed();
  }

  loading(name: string, version: number): void {
    const { versions } = this.#entry(name);
    const entry = versions.get(version);
    if (entry !== undefined) this.#move(entry, 'LOADING', '');
    else {
      versions.set(version, { version, state: 'LOADING', reason: '', serving: null, leases: 0, idle: [] });
    }
    this.#changed();
  }

  publish(model: ServingModel): void {
    const entry = this.#version(model.name, model.version);
    this.#move(entry, 'READY', '');
    entry.serving = model;
    for (const executor of model.executors) executor.onAvailability(() => this.#changed());
    this.#changed();
  }

  failed(name: string, version: number, reason: string): void {
    this.#move(this.#version(name, version), 'UNAVAILABLE', reason);
    this.#changed();
  }

  /** Takes a version out of service and resolves when no request holds it any more. */
  async unpublish(name: string, version: number): Promise<void> {
    const entry = this.#version(name, version);
    this.#move(entry, 'UNLOADING', '');
    this.#changed();
    if (entry.leases > 0) await new Promise<void>((resolve) => entry.idle.push(resolve));
  }

  unloaded(name: string, version: number): void {
    const entry = this.#version(name, version);
    this.#move(entry, 'UNAVAILABLE', UNLOADED);
    entry.serving = null;
    this.#changed();
  }

  /** Calls `listener` after every change; returns how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #find(name: string, version: number): MutableVersionEntry {
    const model = this.#models.get(name);
    if (model === undefined) throw modelErrors.unknown(name);
    if (version !== LATEST) {
      const entry = model.versions.get(version);
      if (entry === undefined) throw modelErrors.unknownVersion(name, version);
      if (entry.state !== 'READY') throw modelErrors.versionNotReady(name, version);
      return entry;
    }
    let latest: MutableVersionEntry | undefined;
    for (const entry of model.versions.values()) {
      if (entry.state === 'READY' && entry.version > (latest?.version ?? -1)) latest = entry;
    }
    if (latest === undefined) throw modelErrors.noAvailableVersions(name);
    return latest;
  }

  #entry(name: string): ModelEntry {
    const entry = this.#models.get(name);
    invariant(entry !== undefined, `model '${name}' was not announced`);
    return entry;
  }

  #version(name: string, version: number): MutableVersionEntry {
    const entry = this.#entry(name).versions.get(version);
    invariant(entry !== undefined, `version ${version} of model '${name}' was not announced`);
    return entry;
  }

  #move(entry: MutableVersionEntry, to: VersionState, reason: string): void {
    invariant(MOVES[entry.state].includes(to), `illegal move ${entry.state} -> ${to}`);
    entry.state = to;
    entry.reason = reason;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
