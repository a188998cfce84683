import { type Diagnosis, diagnose } from './diagnose.js';
import { type FactSources, findFacts } from './find-facts.js';
import type { Gpu } from './gpu.js';

let diagnosis: Diagnosis | null = null;

/**
 * The GPUs that sessions can be created on in this process, found at the first call; driver, provider and
 * libraries do not change while a process runs. When there are some, their libraries are loaded afterwards.
 */
export async function usableGpus(sources: FactSources = {}): Promise<readonly Gpu[]> {
  diagnosis ??= diagnose(findFacts({ onlyWithDriver: true, ...sources }));
  return diagnosis.usable;
}

/** Why {@link usableGpus} found none, and what mends it, in the words of `naiad doctor`; '' when it did. */
export function whyNoGpu(): string {
  if (diagnosis === null) return 'nobody has looked for GPUs yet';
  const { reason, remedy } = diagnosis;
  return remedy === '' ? reason : `${reason} (${remedy})`;
}
