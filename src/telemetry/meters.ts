import type { MetricsSpec } from '../model-config/model-metrics.js';
import { LIMITS } from '../settings/limits.js';
import type { MeteringSettings } from '../settings/metering-settings.js';
import { ModelMeter } from './model-meter.js';

/** A meter is known by its labels and by what its histograms count. */
function keyOf({ labels: { head, tail } }: ModelMeter): string {
  return `${head},${tail}`;
}

/**
 * Makes the meters of model versions. As in Triton a version that is loaded again after it had been unloaded
 * begins with zeros, but for its failures, which are told of a version that is gone as well.
 */
export class Meters {
  readonly settings: MeteringSettings;
  /** The last one for each set of labels, in the order in which they were made. */
  readonly #known = new Map<string, ModelMeter>();

  constructor(settings: MeteringSettings) {
    this.settings = settings;
  }

  /** All that there has been, but the oldest of too many. */
  get known(): Iterable<ModelMeter> {
    return this.#known.values();
  }

  /**
   * The meter of a version that is being loaded: `current`, that of the same version as it is served now,
   * unless its labels or buckets have changed.
   */
  open(model: string, version: number, spec: MetricsSpec, current: ModelMeter | null): ModelMeter {
    const fresh = new ModelMeter(model, version, spec, this.settings);
    if (current !== null && keyOf(current) === keyOf(fresh) && hasSameBuckets(current, fresh)) return current;
    const key = keyOf(fresh);
    const before = this.#known.get(key);
    const meter =
      before === undefined ? fresh : new ModelMeter(model, version, spec, this.settings, before.failures);
    this.#known.delete(key);
    this.#known.set(key, meter);
    if (this.#known.size > LIMITS.metersMax) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    return meter;
  }
}

function hasSameBuckets(a: ModelMeter, b: ModelMeter): boolean {
  return bucketsOf(a) === bucketsOf(b);
}

function bucketsOf({ stages, firstResponseMs }: ModelMeter): string {
  return JSON.stringify(
    [firstResponseMs, ...Object.values(stages ?? {})].map((histogram) => histogram?.bounds),
  );
}
