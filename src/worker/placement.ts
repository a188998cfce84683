import type { Device } from '../backend/backend.js';
import type { LaneSettings } from '../settings/settings.js';

/** A lane as placement sees it. */
export interface LaneLoad {
  readonly id: number;
  readonly device: Device;
  /** Instances in it, those being loaded included. */
  readonly instances: number;
  /** How many of them are of the model version that is to be placed. */
  readonly siblings: number;
}

export type Placement = { readonly kind: 'new' } | { readonly kind: 'share'; readonly lane: number };

const NEW_LANE: Placement = { kind: 'new' };

/**
 * Where the next instance goes. On a GPU always to a lane of its own, so that nothing stalls the device's
 * queue. On the CPU to a new lane while the bound allows it; then to the lane with the fewest instances
 * of the same model, since two in one lane would only take turns, and among those to the least loaded.
 */
export function place(device: Device, lanes: readonly LaneLoad[], settings: LaneSettings): Placement {
  if (device.kind === 'gpu') return NEW_LANE;
  const shared = lanes.filter((lane) => lane.device.kind === 'cpu');
  if (shared.length < cpuLanesBound(settings)) return NEW_LANE;
  const [best] = shared.toSorted(
    (a, b) => a.siblings - b.siblings || a.instances - b.instances || a.id - b.id,
  );
  return best === undefined ? NEW_LANE : { kind: 'share', lane: best.id };
}

/**
 * Instances of a CPU model whose configuration leaves the count open: one per core while each of them
 * would get a lane of its own, for throughput is best with lanes = cores and one thread each; one when
 * lanes must be shared, so that a thousand small models cost a thousand sessions.
 */
export function defaultInstanceCount(lanes: readonly LaneLoad[], settings: LaneSettings): number {
  if (settings.cpuLanes > 0) return 1;
  const used = lanes.filter((lane) => lane.device.kind === 'cpu').length;
  return settings.cpuLanesMax - used >= settings.cores ? settings.cores : 1;
}

function cpuLanesBound({ cpuLanes, cpuLanesMax }: LaneSettings): number {
  return Math.max(1, cpuLanes > 0 ? cpuLanes : cpuLanesMax);
}
