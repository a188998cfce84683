import { InferenceSession, type OnnxValue } from 'onnxruntime-node';
import type { CalibrationMethod } from '../../model-config/quantization.js';
import { encodeModel } from '../../onnx/encode-model.js';
import type { OnnxModel } from '../../onnx/model.js';
import type { MethodContext, Range } from '../method.js';
import { RangeCollector } from './range-collector.js';
import { withOutputs } from './shape-facts.js';

/** A tensor of a sample, as onnxruntime-node takes it; `ort.Tensor` is one. */
export interface SampleTensor {
  /** `float32`, `uint8`, ... */
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView | readonly string[];
}

/** One run's inputs by name. */
export type Sample = Readonly<Record<string, SampleTensor>>;

export interface CollectOptions {
  readonly model: OnnxModel;
  readonly facts: MethodContext['facts'];
  /** Used one after the other; may be large and many. */
  readonly samples: AsyncIterable<Sample> | Iterable<Sample>;
  /** Values to watch: inputs of the model, and what its nodes make. */
  readonly names: readonly string[];
  readonly method: CalibrationMethod;
  /** Per cent of the values inside the range, for `percentile`. */
  readonly percentile: number;
  readonly threads?: number;
  /** Of the values watched in one run; with more, each sample runs several times. */
  readonly watchedBytesMax?: number;
}

/** Of a part of the values, so that what a run gives back stays small. */
const WATCHED_BYTES_MAX = 256 << 20;

/**
 * Ranges and channel means of the float values among `names` over all samples; names that the model lacks or that are of another
 * type are left out. Runs on the calling thread and blocks it. Throws Error when there is no sample, when one
 * does not fit the model, and when a sample or a watched value holds NaN or infinities, which is then named.
 */
export async function collect(options: CollectOptions): Promise<ReadonlyMap<string, Range>> {
  const { model, samples, names, method, percentile, threads = 1 } = options;
  const collectors = new Map(names.map((name) => [name, new RangeCollector(method, percentile)]));
  const sessions: InferenceSession[] = [];
  const seen = new Set<string>();
  let count = 0;
  try {
    for await (const sample of samples) {
      count++;
      checkSample(sample, count);
      // Sizes that the model leaves open are those of the first sample.
      if (count === 1) await openSessions(sessions, model, slicesOf(options, sample), threads);
      observe(sample, collectors, seen, count);
      for (const session of sessions) {
        observe(await runSample(session, sample, count), collectors, seen, count);
      }
    }
  } finally {
    for (const session of sessions) await session.release();
  }
  if (count === 0) throw new Error('there is no sample to calibrate with');
  return new Map([...collectors].filter(([name]) => seen.has(name)).map(([name, c]) => [name, c.range()]));
}

async function openSessions(
  sessions: InferenceSession[],
  model: OnnxModel,
  slices: readonly (readonly string[])[],
  threads: number,
): Promise<void> {
  for (const slice of slices) {
    const session = await InferenceSession.create(encodeModel(withOutputs(model, slice)), {
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    });
    sessions.push(session);
  }
}

/** The watched values that nodes make, in parts that a run may give back at once. */
function slicesOf(options: CollectOptions, sample: Sample): readonly (readonly string[])[] {
  const { model, facts, names, watchedBytesMax = WATCHED_BYTES_MAX } = options;
  const watched = new Set(names);
  const batch = batchOf(sample);
  const slices: string[][] = [];
  let free = 0;
  for (const name of model.graph.nodes.flatMap(({ outputs }) => outputs)) {
    if (!watched.has(name)) continue;
    const elements = (facts.get(name)?.shape ?? []).reduce((a, size) => a * (size < 0 ? batch : size), 1);
    const bytes = 4 * elements;
    if (bytes > free || slices.length === 0) {
      slices.push([]);
      free = watchedBytesMax;
    }
    free -= bytes;
    slices.at(-1)?.push(name);
  }
  return slices;
}

/** What a size that the model leaves open most likely is. */
function batchOf(sample: Sample): number {
  return Math.max(1, ...Object.values(sample).map(({ dims }) => dims[0] ?? 1));
}

async function runSample(
  session: InferenceSession,
  sample: Sample,
  count: number,
): Promise<InferenceSession.OnnxValueMapType> {
  try {
    // The declared type wants ort.Tensor; the binding reads these properties and the location.
    const feeds: Record<string, object> = Object.create(null);
    for (const { name } of session.inputMetadata) {
      const tensor = Object.hasOwn(sample, name) ? sample[name] : undefined;
      if (tensor === undefined) continue;
      feeds[name] = { type: tensor.type, dims: tensor.dims, data: tensor.data, location: 'cpu' };
    }
    return await session.run(feeds as Record<string, OnnxValue>);
  } catch (error) {
    throw new Error(`the model can't run sample ${count}: ${reasonOf(error)}`, { cause: error });
  }
}

function checkSample(sample: Sample, count: number): void {
  for (const [name, { data }] of Object.entries(sample)) {
    if (!(data instanceof Float32Array || data instanceof Float64Array)) continue;
    if (!data.every(Number.isFinite)) {
      throw new Error(`sample ${count} holds NaN or infinities in the input '${name}'`);
    }
  }
}

function observe(
  values: Readonly<Record<string, Pick<SampleTensor, 'dims'> & { readonly data: unknown }>>,
  collectors: ReadonlyMap<string, RangeCollector>,
  seen: Set<string>,
  count: number,
): void {
  for (const [name, { data, dims }] of Object.entries(values)) {
    const collector = collectors.get(name);
    if (collector === undefined || !(data instanceof Float32Array)) continue;
    if (!collector.add(data, dims)) {
      throw new Error(`the model's value '${name}' holds NaN or infinities for sample ${count}`);
    }
    seen.add(name);
  }
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim();
}
