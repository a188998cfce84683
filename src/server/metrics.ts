import type { Clock } from '../lib/clock.js';
import type { Catalog } from '../lifecycle/catalog.js';
import type { ServerSettings } from '../settings/settings.js';
import { Meters } from '../telemetry/meters.js';
import { Metrics } from '../telemetry/metrics.js';
import { ServingFamilies } from '../telemetry/serving-families.js';
import type { MeteredModel } from '../telemetry/triton-families.js';
import type { Lanes } from '../worker/lanes.js';

/** What metrics are taken from. */
export interface MeasuredParts {
  readonly clock: Clock;
  readonly lanes: Lanes;
  readonly catalog: Catalog;
  requestsInFlight(): number;
}

export interface ServerMetrics {
  readonly metrics: Metrics;
  /** Null where nobody can ask for metrics: then requests are not measured. */
  readonly meters: Meters | null;
  /** An inference request was refused before it had a model version. */
  onRefused(reason: string): void;
}

/** All that the metrics port tells. */
export function createMetrics(
  { metrics: { enabled }, metering }: Pick<ServerSettings, 'metrics' | 'metering'>,
  { clock, lanes, catalog, requestsInFlight }: MeasuredParts,
): ServerMetrics {
  const laneThreadsReplaced = (): number => lanes.status.replaced;
  if (!enabled) return { metrics: new Metrics({ laneThreadsReplaced }), meters: null, onRefused: () => {} };
  const meters = new Meters(metering);
  const families = new ServingFamilies({
    clock,
    meters,
    models: () => meteredModels(catalog),
    lanes: () => lanes.activity,
    requestsInFlight,
  });
  const metrics = new Metrics({ laneThreadsReplaced, families: () => families.collect(), process: true });
  return { metrics, meters, onRefused: (reason) => families.refused(reason) };
}

function* meteredModels(catalog: Catalog): Iterable<MeteredModel> {
  for (const { statistics, scheduler } of catalog.serving()) {
    const { meter } = statistics;
    if (meter !== null) yield { meter, queue: scheduler.queueStatus() };
  }
}
