import type { InputSpec } from '../model-config/model-spec.js';
import { hasVariableDim } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { Job } from './scheduler.js';

/** Whether `candidate` may share a batch with `first`, the job that opened it. */
export type BatchCompatibility = (first: Job, candidate: Job) => boolean;

/**
 * The rule that jobs of a model must meet to share a batch; null when any two may. Inputs with a variable
 * dim must have equal shapes apart from their rows; a model with optional inputs needs equal input sets.
 */
export function batchCompatibility(inputs: readonly InputSpec[]): BatchCompatibility | null {
  const variable = new Set(
    inputs.filter(({ backendDims }) => hasVariableDim(backendDims)).map(({ name }) => name),
  );
  const optional = inputs.some((input) => input.optional);
  if (variable.size === 0 && !optional) return null;
  return (first, candidate) => {
    if (optional && first.inputs.length !== candidate.inputs.length) return false;
    for (let index = 0; index < candidate.inputs.length; index++) {
      const tensor = candidate.inputs[index] as NamedTensor;
      const partner = inputNamed(first, tensor.name, index);
      if (partner === undefined) return false;
      if (variable.has(tensor.name) && !sameRowShape(partner, tensor)) return false;
    }
    return true;
  };
}

/** The input of that name, looked for at `index` first: jobs of one model list theirs alike. */
export function inputNamed(job: Job, name: string, index: number): NamedTensor | undefined {
  const guess = job.inputs[index];
  if (guess?.name === name) return guess;
  return job.inputs.find((tensor) => tensor.name === name);
}

function sameRowShape({ shape: a }: NamedTensor, { shape: b }: NamedTensor): boolean {
  if (a.length !== b.length) return false;
  for (let axis = 1; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}
