import { statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { InstanceOptions } from '../../backend/backend.js';
import { systemClock } from '../../lib/clock.js';
import type { QuantizationSpec } from '../../model-config/quantization.js';
import { readModel } from '../../onnx/read-model.js';
import { quantizeModel } from '../../quantize/engine.js';
import type { MethodMode } from '../../quantize/methods.js';
import type { QuantizationReport } from '../../quantize/report.js';
import type { Runtime, SampleSet } from '../../quantize/runtime.js';
import { measureSensitivity, type Sensitivity } from '../../quantize/sensitivity.js';
import { weightBytes } from '../../quantize/weight-bytes.js';
import { VERSION } from '../../settings/version.js';
import { OrtRuntime } from '../../worker/build/ort-runtime.js';
import { chooseSampleFiles } from '../../worker/build/sample-files.js';
import { fileSamples, randomSamples, type SampleFit } from '../../worker/build/samples.js';
import { CommandError } from '../exit-codes.js';
import { type ModelFile, specOf } from '../model-file.js';
import type { Settings } from './settings.js';

export interface OfflineOptions {
  readonly file: ModelFile;
  readonly settings: Settings;
  readonly device: 'cpu' | 'gpu';
  onProgress(stage: string, done: number, total: number): void;
}

/** The engine with what it needs outside of a server, on the calling thread. */
export class OfflineJob {
  readonly #options: OfflineOptions;
  readonly #spec: QuantizationSpec;
  readonly #runtime: Runtime;
  readonly #samples: SampleSet;
  readonly #classOutputs: ReadonlySet<string>;
  /** Whether pictures are among the samples. */
  readonly takesPictures: boolean;

  private constructor(
    options: OfflineOptions,
    {
      spec,
      runtime,
      samples,
      takesPictures,
      classOutputs,
    }: {
      readonly spec: QuantizationSpec;
      readonly runtime: Runtime;
      readonly samples: SampleSet;
      readonly takesPictures: boolean;
      readonly classOutputs: ReadonlySet<string>;
    },
  ) {
    this.#options = options;
    this.#spec = spec;
    this.#runtime = runtime;
    this.#samples = samples;
    this.#classOutputs = classOutputs;
    this.takesPictures = takesPictures;
  }

  /** Loads the model once. Rejects with CommandError when it, or the samples, can't be used. */
  static async open(options: OfflineOptions): Promise<OfflineJob> {
    const { file, settings, onProgress } = options;
    onProgress('loading', 0, 1);
    const instance = instanceOptions(file);
    const original = await new OrtRuntime(instance, new Map()).open(file.path, false);
    try {
      const model = await specOf(file, original.description);
      const batch = model.maxBatchSize > 0 ? [-1] : [];
      const shapes = new Map(model.inputs.map(({ name, backendDims }) => [name, [...batch, ...backendDims]]));
      const images = new Map(
        model.inputs.flatMap(({ name, image }) => (image === null ? [] : [[name, image] as const])),
      );
      const fit: SampleFit = { description: original.description, images, shapes };
      const { samples, samplesMax, takesPictures } = await samplesOf(settings, fit, original);
      return new OfflineJob(options, {
        spec: { ...settings.spec, samplesMax },
        runtime: new OrtRuntime(instance, shapes),
        samples,
        takesPictures,
        classOutputs: new Set(model.outputs.flatMap(({ name, labels }) => (labels.length > 0 ? [name] : []))),
      });
    } finally {
      await original.release();
    }
  }

  /** Quantizes into an empty folder, which has the report as well then; see `quantizeModel`. */
  async quantize(directory: string, work: string, force: boolean): Promise<QuantizationReport> {
    const { file, device, onProgress } = this.#options;
    const { report } = await quantizeModel({
      modelFile: file.path,
      modelBytes: bytesOf(file.path),
      directory,
      work,
      spec: this.#spec,
      device,
      samples: this.#samples,
      classOutputs: this.#classOutputs,
      runtime: this.#runtime,
      clock: systemClock,
      form: 'portable',
      force,
      onProgress,
    });
    return report;
  }

  /** Layer by layer; see `measureSensitivity`. Rejects with CommandError for a mode that names no method. */
  async sensitivity(samplesMax: number, work: string): Promise<Sensitivity> {
    const { mode } = this.#spec;
    if (mode === 'auto') throw new CommandError('--sensitivity needs a mode of its own, not auto');
    return measureSensitivity({
      modelFile: this.#options.file.path,
      spec: withMode(this.#spec, mode),
      device: this.#options.device,
      samples: this.#samples,
      samplesMax,
      work,
      runtime: this.#runtime,
      onProgress: this.#options.onProgress,
    });
  }

  /** What a result says of itself, as JSON. */
  describe(report: QuantizationReport | null, sensitivity: Sensitivity | null): object {
    const onnxruntime = createRequire(import.meta.url)('onnxruntime-node/package.json') as {
      version: string;
    };
    return {
      model: basename(this.#options.file.path),
      made_by: { naiad: VERSION, onnxruntime: onnxruntime.version },
      settings: this.#options.settings.spec,
      ...(report === null ? {} : { report }),
      ...(sensitivity === null ? {} : { sensitivity }),
    };
  }
}

/** Name of the report beside the model. */
export const REPORT_FILE = 'report.json';

export function writeReport(directory: string, content: object): void {
  writeFileSync(join(directory, REPORT_FILE), `${JSON.stringify(content, null, 2)}\n`);
}

function withMode(
  spec: QuantizationSpec,
  mode: MethodMode,
): QuantizationSpec & { readonly mode: MethodMode } {
  return { ...spec, mode };
}

async function samplesOf(
  { spec, samples: folder }: Settings,
  fit: SampleFit,
  original: Awaited<ReturnType<Runtime['open']>>,
): Promise<{ readonly samples: SampleSet; readonly samplesMax: number; readonly takesPictures: boolean }> {
  if (folder === null) {
    const samples = await randomSamples(original, fit, spec.seed);
    return { samples, samplesMax: spec.samplesMax, takesPictures: false };
  }
  const files = chooseSampleFiles(folder, spec.samplesMax);
  if (files.length === 0) {
    throw new CommandError(`${folder} holds no samples: expected pictures, .npy, .npz, .raw or .bin files`);
  }
  return {
    samples: fileSamples('folder', folder, files, fit),
    samplesMax: files.length,
    takesPictures: files.some(({ format }) => format === 'picture'),
  };
}

function instanceOptions({ path, source }: ModelFile): InstanceOptions {
  return {
    modelName: source.folder.name,
    version: 1,
    directory: dirname(path),
    modelFile: path,
    device: { kind: 'cpu' },
    parameters: {},
    graphLevel: 0,
    // As a lane has it unless a model asks for more; a process that shares its cores is timed fairly by it, too.
    intraOpThreads: 1,
    outputs: [],
  };
}

/** Of the model's file, and of the weights where these lie in another one. */
function bytesOf(path: string): number {
  const { size } = statSync(path);
  const weights = weightBytes(readModel(path));
  return weights > size ? size + weights : size;
}
