import type { RunInputs } from '../backend/backend.js';
import { invariant } from '../lib/invariant.js';
import type { NamedTensor } from '../tensor/tensor.js';
import { inputNamed } from './batch-compatibility.js';
import type { Job } from './scheduler.js';

/**
 * The inputs of a batch of `rows` rows in one run: the jobs' rows one behind the other, and every output
 * that one of them wants. All buffers are new and own their ArrayBuffer, so that they may be transferred;
 * the jobs' own tensors are views on what was received.
 */
export function gather(jobs: readonly Job[], rows: number): RunInputs {
  const [first] = jobs;
  invariant(first !== undefined, 'a batch has at least one job');
  if (jobs.length === 1) {
    return { inputs: first.inputs.map(copy), outputs: first.outputs };
  }
  return {
    inputs: first.inputs.map((tensor, index) => concatenate(jobs, tensor, index, rows)),
    outputs: wantedOutputs(jobs, first),
  };
}

// A copy of a Node Buffer through its own slice() would still be a view on the received message.
function copy({ name, datatype, shape, data }: NamedTensor): NamedTensor {
  return { name, datatype, shape, data: new Uint8Array(data) };
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
