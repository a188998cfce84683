import { toServingError } from '../errors/serving-error.js';
import { BACKENDS } from '../model-config/backend-traits.js';
import type { ModelSpec, WarmupInput, WarmupSample } from '../model-config/model-spec.js';
import { autoWarmUpDims } from '../model-config/warm-up.js';
import { warmUpErrors } from '../model-config/warm-up-errors.js';
import { LIMITS } from '../settings/limits.js';
import { BYTE_SIZES, type Datatype } from '../tensor/datatype.js';
import { elementCount, type Shape } from '../tensor/shape.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { Executor } from '../worker/executor.js';
import { randomBytesMax, randomData, repeatRow, zeroBytes } from './warm-up-data.js';
import { checkTexts, readDataFile, type WarmUpFolder } from './warm-up-files.js';

/** A batch that each instance runs before its model is served, and how often. Holds no tensors but files. */
export interface WarmUpRun {
  /** Of the sample, for messages. */
  readonly name: string;
  /** 1 for models without a batch dimension. */
  readonly rows: number;
  readonly count: number;
  readonly inputs: readonly WarmUpInput[];
  readonly outputs: readonly string[];
}

/** One input of a run. `row` is what each of its rows holds. */
interface WarmUpInput {
  readonly name: string;
  readonly datatype: Datatype;
  /** As the backend sees it, with the rows of the batch where the model has them. */
  readonly shape: Shape;
  readonly row: WarmUpRow;
}

type WarmUpRow =
  | { readonly kind: 'zero'; readonly bytes: number }
  | { readonly kind: 'random'; readonly elements: number; readonly seed: string }
  | { readonly kind: 'given'; readonly data: Uint8Array };

/**
 * What the instances of a version are to run: the samples of its configuration, then each batch size if it
 * asks for that. Reads and checks the data files, which lie in the folder `warmup` of the model.
 * @param modelDirectory the model's folder
 * @param originDirectory the same in the repository, for messages
 * Rejects with ServingError: INTERNAL when a file can't be read, INVALID_ARGUMENT when it does not fit.
 */
export async function planWarmUp(
  spec: ModelSpec,
  modelDirectory: string,
  originDirectory: string,
): Promise<readonly WarmUpRun[]> {
  const folder = { directory: modelDirectory, origin: originDirectory };
  const runs: WarmUpRun[] = [];
  let bytesLeft: number = LIMITS.warmUpBytesMax;
  for (const sample of spec.warmup) {
    const run = await planSample(spec, folder, sample, bytesLeft);
    for (const { row } of run.inputs) bytesLeft -= row.kind === 'given' ? row.data.length : 0;
    runs.push(run);
  }
  return [...runs, ...planAuto(spec)];
}

/**
 * Runs a plan on one instance, one batch after the other; each is made when its turn comes. Rejects with
 * ServingError at the first that fails, and with the reason of `signal` before the next run once that is
 * aborted.
 */
export async function warmUp(
  executor: Executor,
  runs: readonly WarmUpRun[],
  signal?: AbortSignal,
): Promise<void> {
  for (const run of runs) {
    // The rows of one sample at a time; a batch is made of them again for each run, which takes it away.
    const rows: (Uint8Array | null)[] = [];
    for (const input of run.inputs) rows.push(await materialise(input));
    for (let done = 0; done < run.count; done++) {
      signal?.throwIfAborted();
      await runOnce(executor, run, rows);
    }
  }
}

async function planSample(
  spec: ModelSpec,
  folder: WarmUpFolder,
  { name, batchSize: rows, count, inputs }: WarmupSample,
  fileBytesMax: number,
): Promise<WarmUpRun> {
  const planned: WarmUpInput[] = [];
  let bytesLeft = fileBytesMax;
  for (const input of inputs) {
    const row = await planRow(spec, folder, name, input, bytesLeft);
    if (row.kind === 'given') bytesLeft -= row.data.length;
    planned.push(toInput(spec, input, rows, row));
  }
  const bytes = rows * planned.reduce((sum, input) => sum + rowBytesMax(input), 0);
  const { warmUpBytesMax } = LIMITS;
  if (bytes > warmUpBytesMax) throw warmUpErrors.tooLarge(name, bytes, warmUpBytesMax);
  return { name, rows, count, inputs: planned, outputs: outputNames(spec) };
}

async function planRow(
  spec: ModelSpec,
  folder: WarmUpFolder,
  sample: string,
  { name, datatype, dims, data }: WarmupInput,
  bytesMax: number,
): Promise<WarmUpRow> {
  const elements = elementCount(dims);
  if (data.kind === 'zero') return { kind: 'zero', bytes: zeroBytes(datatype, elements) };
  if (data.kind === 'random') {
    return { kind: 'random', elements, seed: JSON.stringify([spec.name, sample, name]) };
  }
  const wanted = datatype === 'BYTES' ? Number.POSITIVE_INFINITY : elements * BYTE_SIZES[datatype];
  const read = await readDataFile(folder, data.file, wanted, {
    bytesMax,
    tooLarge: () => warmUpErrors.filesTooLarge(spec.name, LIMITS.warmUpBytesMax),
  });
  if (datatype === 'BYTES') {
    const mustBeText = BACKENDS.get(spec.backend)?.bytesMustBeText ?? false;
    checkTexts({ model: spec.name, input: name, mustBeText }, read.data, elements);
  } else if (read.data.length < wanted) {
    throw warmUpErrors.fileTooShort(data.file, wanted, read.size);
  }
  return { kind: 'given', data: read.data };
}

/** A run of zeros for each batch size that the scheduler forms, smallest first. */
function planAuto(spec: ModelSpec): WarmUpRun[] {
  if (!spec.warmupAuto) return [];
  const inputs = spec.inputs.filter(({ optional }) => !optional);
  const runs = autoSizes(spec).map((rows): WarmUpRun => {
    const name = spec.maxBatchSize > 0 ? `warmup.auto, batch size ${rows}` : 'warmup.auto';
    const planned = inputs.map((input) => {
      const bytes = zeroBytes(input.datatype, elementCount(fixed(input.dims)));
      return toInput(spec, { ...input, backendDims: fixed(input.backendDims) }, rows, {
        kind: 'zero',
        bytes,
      });
    });
    return { name, rows, count: 1, inputs: planned, outputs: outputNames(spec) };

    function fixed(dims: Shape): Shape {
      return autoWarmUpDims(dims, true) ?? dims;
    }
  });
  return runs;
}

function autoSizes({ maxBatchSize: max, scheduling }: ModelSpec): number[] {
  const preferred = scheduling.kind === 'dynamic' ? scheduling.preferredBatchSizes : [];
  const sizes = max > 0 ? [...new Set([1, ...preferred, max])].sort((a, b) => a - b) : [1];
  return thinned(sizes, LIMITS.warmUpSizesMax);
}
