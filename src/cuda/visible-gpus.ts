import type { Gpu } from './gpu.js';

/** A GPU as this process may see it. */
export interface VisibleGpu extends Gpu {
  /** Its number for CUDA in this process, which ONNX Runtime is given. */
  readonly deviceId: number;
}

/**
 * The GPUs that `CUDA_VISIBLE_DEVICES` lets through, in its order, numbered as CUDA numbers them: from 0 on.
 * As for CUDA, an entry that names none ends the list. Null stands for a variable that is not set.
 */
export function visibleGpus(gpus: readonly Gpu[], visibleDevices: string | null): VisibleGpu[] {
  if (visibleDevices === null) return gpus.map((gpu, deviceId) => ({ ...gpu, deviceId }));
  const visible: VisibleGpu[] = [];
  for (const entry of visibleDevices.split(',')) {
    const gpu = find(gpus, entry.trim());
    if (gpu === undefined || visible.some(({ uuid }) => uuid === gpu.uuid)) break;
    visible.push({ ...gpu, deviceId: visible.length });
  }
  return visible;
}

/** Named by number, or by the beginning of its UUID when only one has it. */
function find(gpus: readonly Gpu[], entry: string): Gpu | undefined {
  if (/^\d+$/.test(entry)) return gpus.find(({ index }) => index === Number(entry));
  // A slice of a GPU is told of by its own UUID; whose slice it is can't be missed where there is but one.
  if (entry.startsWith('MIG-')) return gpus.length === 1 ? gpus[0] : undefined;
  if (!entry.startsWith('GPU-')) return undefined;
  const named = gpus.filter(({ uuid }) => uuid.startsWith(entry));
  return named.length === 1 ? named[0] : undefined;
}

/** Whether numbers mean other GPUs for CUDA than for the driver: it counts the fastest first unless told not to. */
export function numbersDiffer(gpus: readonly Gpu[], deviceOrder: string | null): boolean {
  return deviceOrder !== 'PCI_BUS_ID' && new Set(gpus.map(({ name }) => name)).size > 1;
}
