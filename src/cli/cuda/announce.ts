import type { FactSources } from '../../cuda/find-facts.js';
import { capabilityText } from '../../cuda/gpu.js';
import { hasProvider } from '../../cuda/onnxruntime-folder.js';
import type { Logger } from '../../telemetry/logger.js';

/**
 * Loads the CUDA libraries into this process where GPUs can be used, so that every lane finds them, and tells
 * in the log which, or why not. Nothing happens where no CUDA provider was installed.
 */
export async function announceGpus(
  log: Pick<Logger, 'info' | 'warn'>,
  sources: FactSources = {},
): Promise<void> {
  if (!hasProvider(sources.onnxruntime)) return;
  // Loaded only now: most servers have no GPUs.
  const { usableGpus, whyNoGpu } = await import('../../cuda/usable-gpus.js');
  const gpus = await usableGpus(sources);
  if (gpus.length === 0) {
    log.warn({}, `no GPU can be used: ${whyNoGpu()}`);
    return;
  }
  const names = gpus.map(
    ({ deviceId, name, capability }) => `${deviceId} (${name}, ${capabilityText(capability)})`,
  );
  log.info({ gpus }, `CUDA libraries loaded for GPU ${names.join(', ')}`);
}
