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

/** Instances that share a lane at most before more of the same model are no use. */
const INSTANCES_PER_LANE = 4;

/**
 * Instances of a CPU model whose configuration leaves the count open, one of `models`: one per core, for
 * throughput is best with as many instances as cores and one thread each; one when there are so many
 * models that lanes would be crowded, so that a thousand small models cost a thousand sessions. The same
 * for all models, whatever the order in which they load.
 */
export function defaultInstanceCount(models: number, { cores, cpuLanes, cpuLanesMax }: LaneSettings): number {
  if (cpuLanes > 0) return 1;
  return models * cores <= INSTANCES_PER_LANE * cpuLanesMax ? cores : 1;
}

function cpuLanesBound({ cpuLanes, cpuLanesMax }: LaneSettings): number {
  return Math.max(1, cpuLanes > 0 ? cpuLanes : cpuLanesMax);
}
