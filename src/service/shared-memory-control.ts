import { sharedMemoryErrors } from '../errors/shared-memory-errors.js';
import type { RegionDescription } from '../shm/region.js';
import type { SharedMemoryRegions } from '../shm/regions.js';

/** Memory of the system, or of a GPU. */
export type SharedMemoryKind = 'system' | 'cuda';

/** What clients can ask about shared memory. All methods throw ServingError. */
export interface SharedMemoryControl {
  /** One region, or all of the kind for an empty name. */
  status(kind: SharedMemoryKind, name: string): readonly RegionDescription[];
  registerSystem(region: RegionDescription): void;
  registerCuda(name: string): void;
  /** One region, or all of the kind for an empty name, once no request holds it; unknown names are none. */
  unregister(kind: SharedMemoryKind, name: string): void;
}

/** Triton's answers of a build without GPUs. @param regions null where clients may not use shared memory */
export function sharedMemoryControl(regions: SharedMemoryRegions | null): SharedMemoryControl {
  const allowed = (): SharedMemoryRegions => {
    if (regions === null) throw sharedMemoryErrors.disabled();
    return regions;
  };
  return {
    status(kind, name) {
      if (kind === 'system') return allowed().status(name);
      if (name === '') {
        allowed();
        return [];
      }
      throw allowed().has(name)
        ? sharedMemoryErrors.otherKind(name)
        : sharedMemoryErrors.unknownOf('cuda', name);
    },
    registerSystem: (region) => allowed().register(region),
    registerCuda(name) {
      allowed();
      throw sharedMemoryErrors.noGpus(name);
    },
    unregister(kind, name) {
      const known = allowed();
      if (kind === 'system') known.unregister(name);
    },
  };
}
