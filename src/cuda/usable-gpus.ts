import { type Diagnosis, diagnose } from './diagnose.js';
import type { CudaFacts } from './facts.js';
import { type FactSources, findFacts } from './find-facts.js';
import type { VisibleGpu } from './visible-gpus.js';

/** What was found, and what it means. */
export interface Examination {
  readonly facts: CudaFacts;
  readonly diagnosis: Diagnosis;
}

let examination: Examination | null = null;

/** Looks at everything anew. */
export function examineGpus(sources: FactSources = {}): Examination {
  const facts = findFacts(sources);
  return { facts, diagnosis: diagnose(facts) };
}

/**
 * The GPUs that sessions can be created on in this process, with the number that CUDA has for each. They are looked for at the
 * first call; driver, provider and libraries do not change while a process runs. Where there are some, the
 * CUDA libraries are loaded afterwards, so that ONNX Runtime finds them in every thread; that
 * takes up to a second.
 */
export async function usableGpus(sources: FactSources = {}): Promise<readonly VisibleGpu[]> {
  examination ??= examineGpus({ onlyWithDriver: true, ...sources });
  return examination.diagnosis.usable;
}

/** Why {@link usableGpus} found none, and what mends it, in the words of `naiad doctor`; '' when it did. */
export function whyNoGpu(): string {
  if (examination === null) return 'nobody has looked for GPUs yet';
  const { reason, remedy } = examination.diagnosis;
  return remedy === '' ? reason : `${reason} (${remedy})`;
}
