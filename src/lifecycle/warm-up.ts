import { toServingError } from '../errors/serving-error.js';
import type { ModelSpec, WarmupInput, WarmupSample } from '../model-config/model-spec.js';
import { warmUpErrors } from '../model-config/warm-up-errors.js';
import { LIMITS } from '../settings/limits.js';
import type { Datatype } from '../tensor/datatype.js';
import { elementCount, type Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { Executor } from '../worker/executor.js';
import { autoSamples } from './warm-up-auto.js';
import { randomBytesMax, randomData, repeatRow, zeroBytes } from './warm-up-data.js';
import { WarmUpFiles } from './warm-up-files.js';

/** A batch that each instance runs before its model is served. Of its data it holds only those of files. */
export interface WarmUpRun {
  /** Of the sample, for messages. */
  readonly name: string;
  /** 1 for models without a batch dimension. */
  readonly rows: number;
  /** How often it is run. */
  readonly count: number;
  readonly inputs: readonly WarmUpTensor[];
  readonly outputs: readonly string[];
}

interface WarmUpTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** As the backend sees it, rows first when the model batches. */
  readonly shape: Shape;
  /** What each row holds. */
  readonly row: WarmUpRow;
}

type WarmUpRow =
  | { readonly kind: 'zero'; readonly bytes: number }
  | { readonly kind: 'random'; readonly elements: number; readonly seed: string }
  | { readonly kind: 'given'; readonly data: Uint8Array };

/**
 * What each instance of a version is to run: the samples of its configuration, then each batch size where
 * it asks for that. Data files are read here. Rejects with ServingError: INTERNAL when a file can't be
 * read, INVALID_ARGUMENT when it does not fit.
 * @param modelDirectory absolute path of the model's folder
 * @param originDirectory the same in the repository, for messages
 */
export async function planWarmUp(
  spec: ModelSpec,
  modelDirectory: string,
  originDirectory: string,
): Promise<readonly WarmUpRun[]> {
  const files = new WarmUpFiles(spec, modelDirectory, originDirectory);
  const runs: WarmUpRun[] = [];
  for (const sample of [...spec.warmup, ...autoSamples(spec)]) {
    runs.push(await planSample(spec, files, sample));
  }
  return runs;
}

/**
 * Runs a plan on one instance, one batch after the other, each made when its turn comes. Rejects with
 * ServingError at the first that fails, and with its reason before the next one when `signal` is aborted.
 */
export async function warmUp(
  executor: Executor,
  runs: readonly WarmUpRun[],
  signal?: AbortSignal,
): Promise<void> {
  for (const run of runs) {
    // Rows are kept while their sample is run; batches made of them are gone with each run.
    const makers: BatchMaker[] = [];
    for (const input of run.inputs) makers.push(await batchMaker(input, run.rows));
    for (let done = 0; done < run.count; done++) {
      signal?.throwIfAborted();
      const inputs: NamedTensor[] = [];
      for (const make of makers) inputs.push(await make());
      try {
        await executor.run({ inputs, outputs: run.outputs });
      } catch (error) {
        throw warmUpErrors.run(run.name, toServingError(error));
      }
    }
  }
}

async function planSample(
  spec: ModelSpec,
  files: WarmUpFiles,
  { name, batchSize: rows, count, inputs }: WarmupSample,
): Promise<WarmUpRun> {
  const tensors: WarmUpTensor[] = [];
  for (const input of inputs) {
    const shape = spec.maxBatchSize > 0 ? [rows, ...input.backendDims] : input.backendDims;
    const row = await planRow(files, input, JSON.stringify([spec.name, name, input.name]));
    tensors.push({ name: input.name, datatype: input.datatype, shape, row });
  }
  const bytes = rows * tensors.reduce((sum, { datatype, row }) => sum + bytesMaxOf(datatype, row), 0);
  const { warmUpBytesMax } = LIMITS;
  if (bytes > warmUpBytesMax) throw warmUpErrors.tooLarge(name, bytes, warmUpBytesMax);
  return { name, rows, count, inputs: tensors, outputs: spec.outputs.map((output) => output.name) };
}

async function planRow(files: WarmUpFiles, input: WarmupInput, seed: string): Promise<WarmUpRow> {
  const { datatype, dims, data } = input;
  const elements = elementCount(dims);
  switch (data.kind) {
    case 'zero':
      return { kind: 'zero', bytes: zeroBytes(datatype, elements) };
    case 'random':
      return { kind: 'random', elements, seed };
    case 'file':
      return { kind: 'given', data: await files.readRow(input, data.file) };
  }
}

function bytesMaxOf(datatype: Datatype, row: WarmUpRow): number {
  switch (row.kind) {
    case 'zero':
      return row.bytes;
    case 'random':
      return randomBytesMax(datatype, row.elements);
    case 'given':
      return row.data.length;
  }
}

/** Makes a tensor with a buffer of its own, which a run may take away. */
type BatchMaker = () => Promise<NamedTensor>;

async function batchMaker({ row, ...tensor }: WarmUpTensor, rows: number): Promise<BatchMaker> {
  if (row.kind === 'zero') return async () => ({ ...tensor, data: new Uint8Array(rows * row.bytes) });
  const data = row.kind === 'given' ? row.data : await randomData(tensor.datatype, row.elements, row.seed);
  return async () => ({ ...tensor, data: await repeatRow(data, rows) });
}
