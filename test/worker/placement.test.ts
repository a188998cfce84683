import { describe, expect, it } from 'vitest';
import type { Device } from '#naiad/backend/backend.js';
import { defaultInstanceCount, type LaneLoad, place } from '#naiad/worker/placement.js';

const CPU: Device = { kind: 'cpu' };
const GPU: Device = { kind: 'gpu', id: 0 };

/** Lanes 1, 2, ... from `[instances, siblings]`. */
const cpuLanes = (...loads: readonly (readonly [number, number])[]): LaneLoad[] =>
  loads.map(([instances, siblings], index) => ({ id: index + 1, device: CPU, instances, siblings }));
const gpuLane: LaneLoad = { id: 9, device: GPU, instances: 1, siblings: 0 };

const OWN = { cores: 2, cpuLanes: 0, cpuLanesMax: 3 };
const SHARED = { cores: 2, cpuLanes: 2, cpuLanesMax: 3 };

describe('place', () => {
  it.each([
    ['the first instance', CPU, [], OWN, 'new'],
    ['while lanes remain', CPU, cpuLanes([1, 0], [1, 1]), OWN, 'new'],
    ['at the bound, the least loaded', CPU, cpuLanes([2, 0], [1, 0], [3, 0]), OWN, 2],
    ['at the bound, the first of equals', CPU, cpuLanes([2, 0], [1, 0], [1, 0]), OWN, 2],
    ['away from instances of the same model', CPU, cpuLanes([1, 1], [7, 0], [8, 0]), OWN, 2],
    ['evenly where the model is everywhere', CPU, cpuLanes([4, 2], [5, 1], [3, 1]), OWN, 3],
    ['to as many shared lanes as asked for', CPU, cpuLanes([1, 0]), SHARED, 'new'],
    ['to shared lanes', CPU, cpuLanes([2, 0], [1, 0]), SHARED, 2],
    ['beside GPU lanes, which do not count', CPU, [...cpuLanes([1, 0], [1, 0]), gpuLane], OWN, 'new'],
    ['never into a GPU lane', CPU, [...cpuLanes([5, 0], [6, 0], [5, 0]), gpuLane], OWN, 1],
    ['a GPU instance to a lane of its own', GPU, [gpuLane, ...cpuLanes([0, 0], [0, 0], [0, 0])], OWN, 'new'],
    ['a GPU instance to a lane of its own, sharing or not', GPU, [gpuLane], SHARED, 'new'],
    ['to one lane at least', CPU, [], { cores: 1, cpuLanes: 0, cpuLanesMax: 0 }, 'new'],
    ['to no more than that one', CPU, cpuLanes([1, 0]), { cores: 1, cpuLanes: 0, cpuLanesMax: 0 }, 1],
  ] as const)('%s', (_, device, lanes, settings, expected) => {
    expect(place(device, lanes, settings)).toEqual(
      expected === 'new' ? { kind: 'new' } : { kind: 'share', lane: expected },
    );
  });
});

describe('defaultInstanceCount', () => {
  it.each([
    ['one per core', 1, { cores: 2, cpuLanes: 0, cpuLanesMax: 8 }, 2],
    ['one per core up to four in a lane', 16, { cores: 2, cpuLanes: 0, cpuLanesMax: 8 }, 2],
    ['one when lanes would be crowded', 17, { cores: 2, cpuLanes: 0, cpuLanesMax: 8 }, 1],
    ['one for a thousand models', 1000, { cores: 64, cpuLanes: 0, cpuLanesMax: 256 }, 1],
    ['one in a fixed number of lanes', 1, { cores: 8, cpuLanes: 8, cpuLanesMax: 64 }, 1],
  ] as const)('%s', (_, models, settings, expected) => {
    expect(defaultInstanceCount(models, settings)).toBe(expected);
  });
});
