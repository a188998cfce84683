import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { expositionOf, registryFamilies } from './exposition.js';
import type { Family } from './metric-text.js';

export interface MetricsOptions {
  /** Lane threads that died and were replaced since the start; asked at each scrape. */
  readonly laneThreadsReplaced?: () => number;
  /** Families that come first; asked at each scrape. */
  readonly families?: () => Promise<readonly Family[]>;
  /** Whether to tell of this process and its event loop as well. */
  readonly process?: boolean;
}

const LOAD_OUTCOMES = ['loaded', 'updated', 'failed'] as const;
type LoadOutcome = (typeof LOAD_OUTCOMES)[number];

const SCAN_OUTCOMES = ['ok', 'failed'] as const;

/**
 * What Prometheus is told of the life of models. Series come with the first word about a model or version
 * and go with it, so that there are never more than the models that are known; docs/metrics.md has all.
 */
export class Metrics {
  readonly #registry = new Registry();
  /** Whether they are ready, by model and version. */
  readonly #models = new Map<string, Map<number, boolean>>();
  readonly #families: () => Promise<readonly Family[]>;
  #text: Promise<string> | null = null;

  readonly #loads = new Counter({
    name: 'naiad_model_loads_total',
    help: 'Loads of a model version by how they ended',
    labelNames: ['model', 'version', 'outcome'],
    registers: [this.#registry],
  });
  readonly #loadSeconds = new Gauge({
    name: 'naiad_model_load_seconds',
    help: 'How long the last load of a model version took',
    labelNames: ['model', 'version'],
    registers: [this.#registry],
  });
  readonly #loadFailing = new Gauge({
    name: 'naiad_model_load_failing',
    help: 'Whether what the repository holds of a model version can not be served',
    labelNames: ['model', 'version'],
    registers: [this.#registry],
  });
  readonly #rejected = new Gauge({
    name: 'naiad_model_rejected',
    help: 'Whether the folder or the configuration of a model can not be used',
    labelNames: ['model'],
    registers: [this.#registry],
  });
  readonly #ready = new Gauge({
    name: 'naiad_model_ready',
    help: 'Whether requests to a model version are accepted',
    labelNames: ['model', 'version'],
    registers: [this.#registry],
  });
  readonly #quantized = new Gauge({
    name: 'naiad_model_quantized',
    help: 'Whether a model version whose configuration asks for that is served quantized',
    labelNames: ['model', 'version'],
    registers: [this.#registry],
  });
  readonly #unloads = new Counter({
    name: 'naiad_model_unloads_total',
    help: 'Loaded versions of a model that have given back their memory',
    labelNames: ['model'],
    registers: [this.#registry],
  });
  readonly #scans = new Counter({
    name: 'naiad_repository_scans_total',
    help: 'Scans of the model repositories by how they ended',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #scanSeconds = new Gauge({
    name: 'naiad_repository_scan_seconds',
    help: 'How long the last scan of the model repositories took',
    registers: [this.#registry],
  });

  constructor({
    laneThreadsReplaced = () => 0,
    families = async () => [],
    process = false,
  }: MetricsOptions = {}) {
    this.#families = families;
    const replaced = new Counter({
      name: 'naiad_lane_threads_replaced_total',
      help: 'Threads that died with the models in them and were replaced',
      registers: [this.#registry],
      collect: () => {
        replaced.reset();
        replaced.inc(laneThreadsReplaced());
      },
    });
    // From the start, for rates need a value before the first event.
    for (const outcome of SCAN_OUTCOMES) this.#scans.inc({ outcome }, 0);
    if (process) collectDefaultMetrics({ register: this.#registry });
  }

  /** Media type of {@link Metrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All series in Prometheus' text format; calls at the same time get the same text, and hold up nobody. */
  text(): Promise<string> {
    this.#text ??= this.#write().finally(() => {
      this.#text = null;
    });
    return this.#text;
  }

  async #write(): Promise<string> {
    const [first, others] = await Promise.all([this.#families(), registryFamilies(this.#registry)]);
    return expositionOf([...first, ...others]);
  }

  /** A version was loaded in `seconds`, or `updated`: took on another configuration without being loaded. */
  loaded(model: string, version: number, seconds: number, updated: boolean): void {
    this.#countLoad(model, version, updated ? 'updated' : 'loaded');
    if (!updated) this.#loadSeconds.set({ model, version }, seconds);
    this.#loadFailing.set({ model, version }, 0);
  }

  /** A version could not be loaded, whether or not an earlier content of it is still served. */
  loadFailed(model: string, version: number): void {
    this.#countLoad(model, version, 'failed');
    this.#loadFailing.set({ model, version }, 1);
  }

  /** Something else is wanted of a model: nothing is known against it yet. */
  cleared(model: string): void {
    for (const version of this.#models.get(model)?.keys() ?? []) this.#loadFailing.set({ model, version }, 0);
  }

  /** Versions of a model that there are series of. */
  versions(model: string): readonly number[] {
    return [...(this.#models.get(model)?.keys() ?? [])];
  }

  /**
   * Whether a version answers requests. One that does not, and of which nothing else was heard, gets no
   * series: it has been unloaded, or is still being loaded for the first time.
   */
  ready(model: string, version: number, isReady: boolean): void {
    if (!isReady && this.#models.get(model)?.has(version) !== true) return;
    this.#version(model, version).set(version, isReady);
    this.#ready.set({ model, version }, isReady ? 1 : 0);
  }

  /** Whether a version that answers requests is quantized as its configuration asks; null = it does not ask. */
  quantized(model: string, version: number, isQuantized: boolean | null): void {
    if (isQuantized === null) this.#quantized.remove({ model, version });
    else this.#quantized.set({ model, version }, isQuantized ? 1 : 0);
  }

  /** Whether a model's folder or configuration can't be used. */
  rejected(model: string, isRejected: boolean): void {
    this.#model(model);
    this.#rejected.set({ model }, isRejected ? 1 : 0);
  }

  /**
   * A loaded version has given its memory back. Its series go, unless it is ready: then it was an earlier
   * content of the version that is served.
   */
  unloaded(model: string, version: number): void {
    const versions = this.#model(model);
    this.#unloads.inc({ model });
    if (versions.get(version) !== true) this.forget(model, version);
  }

  /** Removes the series of a version that nobody asks for any more, or of a whole model. */
  forget(model: string, version?: number): void {
    const versions = this.#models.get(model);
    if (versions === undefined) return;
    for (const known of version === undefined ? [...versions.keys()] : [version]) {
      versions.delete(known);
      for (const outcome of LOAD_OUTCOMES) this.#loads.remove({ model, version: known, outcome });
      for (const gauge of [this.#loadSeconds, this.#loadFailing, this.#ready, this.#quantized]) {
        gauge.remove({ model, version: known });
      }
    }
    if (version !== undefined) return;
    this.#models.delete(model);
    this.#rejected.remove({ model });
    this.#unloads.remove({ model });
  }

  /** The repositories were scanned in `seconds`; `ok`: all of them could be read. */
  scanned(seconds: number, ok: boolean): void {
    this.#scans.inc({ outcome: ok ? 'ok' : 'failed' });
    this.#scanSeconds.set(seconds);
  }

  #countLoad(model: string, version: number, outcome: LoadOutcome): void {
    this.#version(model, version);
    this.#loads.inc({ model, version, outcome });
  }

  #model(model: string): Map<number, boolean> {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const versions = new Map<number, boolean>();
    this.#models.set(model, versions);
    this.#rejected.set({ model }, 0);
    this.#unloads.inc({ model }, 0);
    return versions;
  }

  #version(model: string, version: number): Map<number, boolean> {
    const versions = this.#model(model);
    if (versions.has(version)) return versions;
    versions.set(version, false);
    // Only what alerts take the rate of: thousands of models would have as many zeros.
    this.#loads.inc({ model, version, outcome: 'failed' }, 0);
    this.#loadFailing.set({ model, version }, 0);
    this.#ready.set({ model, version }, 0);
    return versions;
  }
}
