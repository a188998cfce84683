import type { InstanceOptions } from '../../backend/backend.js';
import type { Clock } from '../../lib/clock.js';
import type { ImageSpec } from '../../model-config/image-spec.js';
import type { QuantizationSpec } from '../../model-config/quantization.js';
import { type Quantized, quantizeModel } from '../../quantize/engine.js';
import type { SampleSet } from '../../quantize/runtime.js';
import type { Shape } from '../../tensor/shape.js';
import { OrtRuntime } from './ort-runtime.js';
import { chooseSampleFiles } from './sample-files.js';
import { fileSamples, randomSamples, type SampleFit } from './samples.js';

/** What quantizing one model takes. */
export interface ServingQuantization {
  /** Of an instance that loads the model as it lies there. */
  readonly options: InstanceOptions;
  /** Of the model's files. */
  readonly bytes: number;
  readonly spec: QuantizationSpec;
  /** Absolute path of the folder of samples; null = there is none. */
  readonly samples: string | null;
  /** Of inputs that take pictures, by name. */
  readonly images: ReadonlyMap<string, ImageSpec>;
  /** Outputs whose numbers are those of classes. */
  readonly classOutputs: ReadonlySet<string>;
  /** Of inputs, by name, as the configuration has them. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Absolute path of an empty folder, which gets what is to be served. */
  readonly directory: string;
  /** Absolute path at which nothing lies yet, on the same file system. */
  readonly work: string;
  readonly onProgress?: (stage: string, done: number, total: number) => void;
}

/**
 * Quantizes a model with what its configuration gives to go by. Rejects with an Error for people when the
 * model can't be loaded, its samples can't be read or nothing can be written; whatever else is in the way
 * stands in the report.
 */
export async function quantizeForServing(job: ServingQuantization, clock: Clock): Promise<Quantized> {
  const { options, bytes, shapes, samples: folder, images, onProgress } = job;
  const runtime = new OrtRuntime(options, shapes);
  const original = await runtime.open(options.modelFile, false);
  let samples: SampleSet;
  try {
    const fit: SampleFit = { description: original.description, images, shapes };
    samples =
      folder === null
        ? await randomSamples(original, fit, job.spec.seed)
        : folderSamples(folder, job.spec, fit);
  } finally {
    await original.release();
  }
  const { spec, classOutputs, directory, work } = job;
  return quantizeModel({
    modelFile: options.modelFile,
    modelBytes: bytes,
    directory,
    work,
    spec,
    device: options.device.kind,
    samples,
    classOutputs,
    runtime,
    clock,
    ...(onProgress !== undefined && { onProgress }),
  });
}

function folderSamples(
  folder: string,
  { calibration, samplesMax }: QuantizationSpec,
  fit: SampleFit,
): SampleSet {
  const files = chooseSampleFiles(folder, samplesMax);
  if (files.length === 0) {
    throw new Error(
      `the folder of samples '${folder}' holds none: put pictures, .npy, .npz, .raw or .bin files into it`,
    );
  }
  return fileSamples(calibration.kind === 'live' ? 'live' : 'folder', folder, files, fit);
}
