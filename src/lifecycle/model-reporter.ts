import { formatFinding } from '../model-config/findings.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { CatalogEntry } from './catalog.js';
import type { Chronicle } from './chronicle.js';
import type { LoadedRevision } from './load-revision.js';
import type { Revision } from './revision.js';
import type { ServingModel } from './serving-model.js';

export interface ReporterParts {
  readonly chronicle: Chronicle;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Tells history, log and metrics what happens to one model. */
export class ModelReporter {
  readonly #model: string;
  readonly #parts: ReporterParts;

  constructor(model: string, parts: ReporterParts) {
    this.#model = model;
    this.#parts = parts;
  }

  rejected(reason: string): void {
    this.#parts.metrics.rejected(this.#model, true);
    this.#parts.chronicle.record({
      model: this.#model,
      version: null,
      event: 'rejected',
      why: reason,
      text: `failed to load '${this.#model}': ${reason}`,
    });
  }

  /** Its folder and configuration can be used, and something else is wanted than before. */
  accepted(isNew: boolean): void {
    this.#parts.metrics.rejected(this.#model, false);
    if (isNew) this.#parts.metrics.cleared(this.#model);
  }

  /** A step on the way of a revision. */
  moved(
    { version: { version } }: Revision,
    event: 'loading' | 'draining' | 'warm' | 'unloading' | 'unloaded',
    why = '',
  ): void {
    if (event === 'unloaded') this.#parts.metrics.unloaded(this.#model, version);
    this.#parts.chronicle.record({ model: this.#model, version, event, why });
  }

  loaded({ version: { version } }: Revision, loaded: LoadedRevision, seconds: number): void {
    const { warnings, updated, model } = loaded;
    for (const warning of warnings) {
      this.#parts.log.warn({ model: this.#model, version }, formatFinding(warning));
    }
    const { meter } = model.statistics;
    // One that was updated keeps the time of its load, unless its labels are new.
    if (meter !== null && (!updated || meter.loadSeconds === null)) meter.loadSeconds = seconds;
    this.#parts.metrics.loaded(this.#model, version, seconds, updated);
  }

  /** It was not loaded, since nobody wants it any more. */
  abandoned({ version: { version } }: Revision): void {
    this.#parts.chronicle.record({
      model: this.#model,
      version,
      event: 'unloaded',
      why: 'not wanted any more while it was loaded',
    });
  }

  failed({ version: { version } }: Revision, reason: string): void {
    this.#parts.metrics.loadFailed(this.#model, version);
    this.#parts.chronicle.record({
      model: this.#model,
      version,
      event: 'failed',
      why: reason,
      text: `failed to load '${this.#model}' version ${version}: ${reason}`,
    });
  }

  published({ version: { version }, loaded }: Revision): void {
    const { length } = loaded.instances;
    const instances = `${length} ${length === 1 ? 'instance' : 'instances'}`;
    this.#parts.chronicle.record({
      model: this.#model,
      version,
      event: 'ready',
      why: loaded.updated ? `${instances} kept, configuration updated` : instances,
      steps: loaded.steps,
      text: `successfully loaded '${this.#model}' version ${version}`,
    });
  }

  /** What is known of the model now. */
  shown({ versions }: CatalogEntry): void {
    const { metrics } = this.#parts;
    for (const { version, serving } of versions) {
      metrics.ready(this.#model, version, serving !== null);
      if (serving !== null) metrics.quantized(this.#model, version, isQuantized(serving));
    }
    for (const version of metrics.versions(this.#model)) {
      if (!versions.some((known) => known.version === version)) metrics.forget(this.#model, version);
    }
  }
}

/** null for versions whose configuration does not ask for it. */
function isQuantized({ quantization }: ServingModel): boolean | null {
  if (quantization === undefined) return null;
  const { report, shortfall } = quantization;
  return shortfall === '' && report === null ? null : shortfall === '';
}
