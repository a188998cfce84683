import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { InvariantError } from '../lib/invariant.js';
import type { QuantizationSpec } from '../model-config/quantization.js';
import type { OnnxModel } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { writeModel } from '../onnx/write-model.js';
import { type Attempt, bestOf, reportOf } from './attempt.js';
import { shapeFacts } from './calibration/shape-facts.js';
import { candidatesFor } from './candidates.js';
import { type Comparison, compareModels } from './compare-models.js';
import { violations } from './guard.js';
import { checkKernels, countKernels } from './kernels.js';
import type { Rewritten } from './method.js';
import { importMethod, type MethodMode } from './methods.js';
import type { QuantizationReport } from './report.js';
import type { Runtime, SampleSet } from './runtime.js';
import { readSource, type SourceForm, type SourceModel } from './source-model.js';
import { strayNames } from './stray-names.js';
import { unfusedLayers } from './unfused-layers.js';
import { watchRanges } from './watch-ranges.js';
import { weightBytes } from './weight-bytes.js';

/** A model that is to be quantized. */
export interface QuantizeJob {
  /** Absolute path of the model file. */
  readonly modelFile: string;
  /** Bytes of all its files. */
  readonly modelBytes: number;
  /** Absolute path of an empty folder, which gets what is to be served: `model.onnx` and what it needs. */
  readonly directory: string;
  /** Absolute path at which nothing lies yet, on the same file system; nothing lies there afterwards. */
  readonly work: string;
  readonly spec: QuantizationSpec;
  readonly device: 'cpu' | 'gpu';
  readonly samples: SampleSet;
  /** Outputs whose numbers are those of classes, as the configuration says. */
  readonly classOutputs: ReadonlySet<string>;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /**
   * `portable`: what lies in the folder is a model for any machine; it is compiled to be looked at only.
   * `machine` unless said otherwise.
   */
  readonly form?: 'machine' | 'portable';
  /** Whether bounds that are missed, and kernels, are findings rather than a reason to keep the original. */
  readonly force?: boolean;
  /** Told what is done now, and how far it is with what is done piece by piece. */
  readonly onProgress?: (stage: string, done: number, total: number) => void;
}

export interface Quantized {
  readonly report: QuantizationReport;
  /** Whether what lies in the folder is in the form made for the machine; false when nothing lies there. */
  readonly compiled: boolean;
}

/** With fewer of the kernels that a method promised it is not what was asked for. */
const KERNELS_SHARE_MIN = 0.9;

/** Weights that a file may hold besides the graph; protobuf ends at 2 GiB. */
const ONE_FILE_BYTES_MAX = 1 << 30;

/** Name of the file for large weights, beside the model. */
const WEIGHTS_FILE = 'model.bin';

/**
 * Quantizes a model, has it loaded as it will be served and holds its answers against those of the original.
 * The report says what came of it; with the outcome `quantized` the folder holds what is to be served.
 * Rejects with an Error for people when what was quantized can't be written.
 */
export async function quantizeModel(job: QuantizeJob): Promise<Quantized> {
  const { spec, directory, work, modelBytes, samples } = job;
  const quantization = new Quantization(job);
  try {
    mkdirSync(work, { recursive: true });
    const attempts: Attempt[] = [];
    for (const mode of await quantization.modes()) attempts.push(await quantization.attempt(mode));
    const best = bestOf(spec.mode, attempts);
    if (best !== undefined) {
      rmSync(directory, { recursive: true });
      renameSync(job.form === 'portable' ? best.plain : best.directory, directory);
    }
    const report = reportOf(attempts, best, {
      requested: spec.mode,
      modelBytes,
      samples: samples.kind,
      steps: quantization.steps,
    });
    return { report, compiled: best?.compiled === true && job.form !== 'portable' };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

class Quantization {
  readonly #job: QuantizeJob;
  readonly #taken = new Map<string, number>();
  readonly #sources = new Map<SourceForm, SourceModel>();
  /** As the file has it. */
  #original: OnnxModel | null = null;

  constructor(job: QuantizeJob) {
    this.#job = job;
  }

  /** How long each step took, those of all attempts together. */
  get steps(): QuantizationReport['steps'] {
    return [...this.#taken].map(([name, ms]) => ({ name, ms: Math.round(ms * 10) / 10 }));
  }

  async modes(): Promise<readonly MethodMode[]> {
    const { spec, device, samples } = this.#job;
    if (spec.mode !== 'auto') return [spec.mode];
    return candidatesFor(await this.#read(), { device, calibrated: samples.kind !== 'none' });
  }

  async attempt(mode: MethodMode): Promise<Attempt> {
    const { work, device, runtime, spec, force } = this.#job;
    const plain = join(work, mode);
    let attempt: Attempt = {
      mode,
      reason: '',
      plain,
      directory: plain,
      compiled: false,
      bytes: 0,
      layers: [],
      kernels: {},
      findings: [],
      comparison: null,
    };
    let rewritten: Rewritten;
    try {
      rewritten = await this.#rewrite(mode);
    } catch (error) {
      // Perhaps because what is named is not there. A model that can't be read has said so already.
      const strays = await this.#strayNames().catch(() => []);
      return { ...attempt, reason: [textOf(error), ...strays].join('; ') };
    }
    const { model, layers, expectedKernels } = rewritten;
    attempt = { ...attempt, findings: [...(await this.#strayNames()), ...this.#notSimplified()] };
    mkdirSync(plain);
    this.#tell('writing', 0, 1);
    const written = await this.#timed('write', async () =>
      writeModel(model, plain, this.#isOneFile(model) ? {} : { externalFile: WEIGHTS_FILE }),
    );
    attempt = { ...attempt, layers, bytes: written.bytes + written.externalBytes };
    if (device === 'cpu') {
      const directory = join(work, `${mode}-compiled`);
      mkdirSync(directory);
      this.#tell('compiling', 0, 1);
      const reason = await this.#timed('compile', () => runtime.compile(written.path, directory));
      if (reason === '') {
        const kernels = countKernels(join(directory, 'model.onnx'));
        const { share, missing } = checkKernels(expectedKernels, kernels);
        const findings = [...attempt.findings, ...missing.map((text) => `ONNX Runtime made ${text}`)];
        if (mode === 'int8' && missing.length > 0) {
          const unfused = unfusedLayers(readModel(join(directory, 'model.onnx')), layers);
          findings.push(...unfused.map((name) => `'${name}' is computed in floats`));
        }
        attempt = { ...attempt, directory, compiled: true, kernels, findings };
        if (share < KERNELS_SHARE_MIN) {
          const text = `ONNX Runtime made only ${missing.join(', ')} of the rewritten model, which gains little`;
          if (force !== true) return { ...attempt, reason: text };
          attempt = { ...attempt, findings: [...findings, text] };
        }
      } else {
        const finding = `it is not compiled for the machine: ${reason}`;
        attempt = { ...attempt, findings: [...attempt.findings, finding] };
      }
    }
    try {
      const comparison = await this.#timed('compare', () => this.#compare(attempt));
      const missed = violations(comparison.outputs, spec.bounds);
      return force === true
        ? { ...attempt, comparison, findings: [...attempt.findings, ...missed] }
        : { ...attempt, comparison, reason: missed.join('; ') };
    } catch (error) {
      return { ...attempt, reason: textOf(error) };
    }
  }

  async #rewrite(mode: MethodMode): Promise<Rewritten> {
    const { spec, device, samples, runtime } = this.#job;
    const method = await importMethod(mode, device);
    const own: QuantizationSpec = { ...spec, mode };
    const { model } = await this.#source(method.form);
    this.#tell('looking at shapes', 0, 1);
    const facts = await this.#timed('shapes', () => shapeFacts(model));
    const { kind } = samples;
    const taken = this.#counted('calibrating', samples);
    const watching = { model, method, spec: own, facts, kind, samples: taken, runtime };
    const ranges = await (method.watched === undefined
      ? watchRanges(watching)
      : this.#timed('calibrate', () => watchRanges(watching)));
    this.#tell('rewriting', 0, 1);
    return this.#timed('rewrite', async () => method.quantize(model, { spec: own, ranges, facts }));
  }

  /** A model of this machine is mapped, others are easier to handle as long as they are small. */
  #isOneFile(model: OnnxModel): boolean {
    return this.#job.form === 'portable' && weightBytes(model) < ONE_FILE_BYTES_MAX;
  }

  async #compare({ directory, compiled }: Attempt): Promise<Comparison> {
    const { runtime, classOutputs, clock, samples, modelFile } = this.#job;
    const original = await runtime.open(modelFile, false);
    try {
      const other = await runtime.open(join(directory, 'model.onnx'), compiled);
      try {
        return await compareModels(original, other, this.#counted('comparing', samples), {
          classOutputs,
          clock,
        });
      } finally {
        await other.release();
      }
    } finally {
      await original.release();
    }
  }

  /** What the specification names and the model does not have. */
  async #strayNames(): Promise<readonly string[]> {
    const { spec } = this.#job;
    if ([...spec.include, ...spec.exclude, ...spec.keepOps].length === 0) return [];
    // Nodes may have other names once the model is simplified, and be told by these.
    const simplified = [...this.#sources.values()].map(({ model }) => model);
    return strayNames(spec, [await this.#read(), ...simplified]);
  }

  #notSimplified(): readonly string[] {
    const reasons = [...this.#sources.values()].map(({ reason }) => reason).filter((reason) => reason !== '');
    return reasons.map((reason) => `it is not simplified, so that layers may be missed: ${reason}`);
  }

  async #read(): Promise<OnnxModel> {
    this.#original ??= await this.#timed('read', async () => readModel(this.#job.modelFile));
    return this.#original;
  }

  async #source(form: SourceForm): Promise<SourceModel> {
    const known = this.#sources.get(form);
    if (known !== undefined) return known;
    this.#tell('reading', 0, 1);
    const { modelFile, work } = this.#job;
    const source = await this.#timed('read', () => readSource(modelFile, form, work));
    this.#sources.set(form, source);
    return source;
  }

  async *#counted<T>(stage: string, items: AsyncIterable<T>): AsyncIterable<T> {
    const { samplesMax } = this.#job.spec;
    let count = 0;
    for await (const item of items) {
      this.#tell(stage, count, samplesMax);
      yield item;
      if (++count >= samplesMax) return;
    }
  }

  #tell(stage: string, done: number, total: number): void {
    this.#job.onProgress?.(stage, done, total);
  }

  async #timed<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startNs = this.#job.clock.nowNs();
    try {
      return await work();
    } finally {
      const ms = (this.#job.clock.nowNs() - startNs) / 1e6;
      this.#taken.set(name, (this.#taken.get(name) ?? 0) + ms);
    }
  }
}

const OUR_MISTAKES = [TypeError, RangeError, ReferenceError, InvariantError];

/** What is said of a model. Throws what says something of us. */
function textOf(error: unknown): string {
  if (OUR_MISTAKES.some((mistake) => error instanceof mistake)) throw error;
  return error instanceof Error ? error.message : String(error);
}
