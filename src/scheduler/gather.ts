import type { RunInputs } from '../backend/backend.js';
import { invariant } from '../lib/invariant.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { inputNamed } from './batch-compatibility.js';
import type { Job } from './scheduler.js';

/**
 * The inputs of a batch of `rows` rows in one run: the jobs' rows one behind the other, and every output
 * that one of them wants. All buffers own their ArrayBuffer, so that they may be transferred. They are
 * new, as the jobs' tensors are views on what was received; those of a lone job that are not are handed
 * over themselves, and must not be read in the job any more.
 */
export function gather(jobs: readonly Job[], rows: number): RunInputs {
  const [first] = jobs;
  invariant(first !== undefined, 'a batch has at least one job');
  if (jobs.length === 1) {
    return { inputs: first.inputs.map(handOver), outputs: first.outputs };
  }
  return {
    inputs: first.inputs.map((tensor, index) => concatenate(jobs, tensor, index, rows)),
    outputs: wantedOutputs(jobs, first),
  };
}

function handOver({ name, datatype, shape, data, owned }: NamedTensor): NamedTensor {
  // A copy of a Node Buffer through its own slice() would still be a view on the received message.
  return { name, datatype, shape, data: owned === true ? data : new Uint8Array(data) };
}

function concatenate(
  jobs: readonly Job[],
  { name, datatype, shape }: NamedTensor,
  index: number,
  rows: number,
): NamedTensor {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for (const job of jobs) {
    const part = inputNamed(job, name, index)?.data;
    invariant(part !== undefined, `input '${name}' is in one job of a batch and missing in another`);
    parts.push(part);
    bytes += part.length;
  }
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return { name, datatype, shape: shape.with(0, rows), data };
}

function wantedOutputs(jobs: readonly Job[], first: Job): readonly string[] {
  const wanted = new Set(first.outputs);
  for (const { outputs } of jobs) for (const name of outputs) wanted.add(name);
  return wanted.size === first.outputs.length ? first.outputs : [...wanted];
}
