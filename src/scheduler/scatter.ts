import { answerErrors } from '../errors/catalogue.js';
import { walkBytes } from '../tensor/bytes.js';
import { BYTE_SIZES } from '../tensor/datatype.js';
import { elementCount, formatShape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { Job } from './scheduler.js';

/** The model that answered, for error texts and for what its outputs must look like. */
export interface AnsweringModel {
  readonly name: string;
  /** Whether the first dim of every output counts rows. */
  readonly batching: boolean;
}

/**
 * Hands the outputs of a run back to the jobs of its batch: to each its own rows of the outputs it wants,
 * in its order, as views. Throws INTERNAL for an output that is missing or does not have `rows` rows.
 */
export function scatter(
  model: AnsweringModel,
  jobs: readonly Job[],
  rows: number,
  outputs: readonly NamedTensor[],
): NamedTensor[][] {
  if (!model.batching) return jobs.map((job) => pick(model, job, outputs));
  for (const output of outputs) checkRows(model, output, rows);
  if (jobs.length === 1) return jobs.map((job) => pick(model, job, outputs));
  const splits = new Map<string, NamedTensor[]>();
  for (const output of outputs) splits.set(output.name, split(model, output, jobs, rows));
  return jobs.map((job, index) =>
    job.outputs.map((name) => {
      const part = splits.get(name)?.[index];
      if (part === undefined) throw answerErrors.missing(model.name, name);
      return part;
    }),
  );
}

function pick(model: AnsweringModel, job: Job, outputs: readonly NamedTensor[]): NamedTensor[] {
  return job.outputs.map((name, index) => {
    const guess = outputs[index];
    const output = guess?.name === name ? guess : outputs.find((candidate) => candidate.name === name);
    if (output === undefined) throw answerErrors.missing(model.name, name);
    return output;
  });
}

function checkRows(model: AnsweringModel, { name, shape }: NamedTensor, rows: number): void {
  if (shape[0] !== rows) throw answerErrors.batchDim(model.name, name, formatShape(shape), rows);
}

/** One output's rows by job. */
function split(
  model: AnsweringModel,
  output: NamedTensor,
  jobs: readonly Job[],
  rows: number,
): NamedTensor[] {
  const { name, datatype, shape, data } = output;
  const rowEnds = datatype === 'BYTES' ? bytesRowEnds(model, output, rows) : null;
  const elementBytes = BYTE_SIZES[datatype];
  const elements = elementCount(shape);
  if (rowEnds === null && data.length !== elements * elementBytes) {
    throw answerErrors.bytes(model.name, name, formatShape(shape), data.length);
  }
  const rowBytes = (elements / rows) * elementBytes;
  let row = 0;
  let start = 0;
  return jobs.map((job) => {
    row += job.rows;
    const end = rowEnds === null ? row * rowBytes : (rowEnds[row - 1] as number);
    const part = { name, datatype, shape: shape.with(0, job.rows), data: data.subarray(start, end) };
    start = end;
    return part;
  });
}

/** Offsets at which the rows of a BYTES tensor end. */
function bytesRowEnds(model: AnsweringModel, { name, shape, data }: NamedTensor, rows: number): Float64Array {
  const elements = elementCount(shape);
  const perRow = elements / rows;
  const ends = new Float64Array(rows);
  let row = 0;
  let last = perRow - 1;
  const walk = walkBytes(data, elements, (_, end, index) => {
    if (index === last) {
      ends[row++] = end;
      last += perRow;
    }
    return true;
  });
  if (walk.kind !== 'complete' || walk.elements !== elements) {
    throw answerErrors.bytes(model.name, name, formatShape(shape), data.length);
  }
  return ends;
}
