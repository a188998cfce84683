import { join, resolve } from 'node:path';
import type { InstanceOptions } from '../backend/backend.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { readImages } from '../model-config/image-parameters.js';
import { readQuantization } from '../model-config/quantization-parameters.js';
import { findModelFile, type ModelSource } from '../repository/model-source.js';
import type { Shape } from '../tensor/shape.js';
import type { Artifacts, PreparedModel, QuantizationRequest } from '../worker/build/artifacts.js';
import type { GenerationVersion } from './generation.js';
import type { HistoryStep } from './history.js';

/** What instances of one version load: the model as it lies there, or what is made of it for the machine. */
export class Preparation {
  /** Absolute path of the model as it lies there. */
  readonly modelFile: string;
  readonly #source: ModelSource;
  readonly #version: GenerationVersion;
  readonly #artifacts: Artifacts | undefined;
  readonly #clock: Clock;
  /** By kind of device. */
  readonly #ready = new Map<string, Promise<PreparedModel>>();
  readonly #steps: HistoryStep[] = [];

  private constructor(
    modelFile: string,
    source: ModelSource,
    version: GenerationVersion,
    { artifacts, clock }: PreparationContext,
  ) {
    this.modelFile = modelFile;
    this.#source = source;
    this.#version = version;
    this.#artifacts = artifacts;
    this.#clock = clock;
  }

  /** Rejects with FindingsError when there is no model file. */
  static async begin(
    context: PreparationContext,
    source: ModelSource,
    version: GenerationVersion,
  ): Promise<Preparation> {
    return new Preparation(await findModelFile(source, version.version), source, version, context);
  }

  /** What was done, those in the order they were finished. */
  get steps(): readonly HistoryStep[] {
    return this.#steps;
  }

  /** What an instance with these options loads in place of the model as it lies there. */
  of(options: InstanceOptions): Promise<PreparedModel> {
    const { kind } = options.device;
    const ready = this.#ready.get(kind) ?? this.#prepare(options);
    this.#ready.set(kind, ready);
    return ready;
  }

  /**
   * Has an instance loaded from what was prepared, or as the model lies there when that can't be loaded, unless
   * nothing is to be served in place of a quantized model.
   */
  async load<T>(
    options: InstanceOptions,
    load: (options: InstanceOptions) => Promise<T>,
  ): Promise<{ readonly instance: T; readonly prepared: PreparedModel }> {
    const prepared = await this.of(options);
    const { modelFile, compiled, report } = prepared;
    if (modelFile === options.modelFile) return { instance: await load(options), prepared };
    try {
      return { instance: await load({ ...options, modelFile, compiled }), prepared };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const shortfall = report === null ? '' : `it is not quantized (${report.mode}): ${reason}`;
      const { spec } = readQuantization(this.#source.config);
      if (shortfall !== '' && spec?.onFailure === 'fail') throw new Error(shortfall, { cause: error });
      const instance = await load(options);
      this.#artifacts?.distrust(prepared, reason);
      return { instance, prepared: { ...plainly(options), report, shortfall } };
    }
  }

  async #prepare(options: InstanceOptions): Promise<PreparedModel> {
    if (this.#artifacts === undefined) return plainly(options);
    const { config, folder } = this.#source;
    const place = folder.versions.find(({ version }) => version === this.#version.version);
    invariant(place !== undefined, `version ${this.#version.version} of '${folder.name}' has no folder`);
    const startNs = this.#clock.nowNs();
    const prepared = await this.#artifacts.prepare({
      backend: config.backend,
      contentHash: this.#version.contentHash,
      files: place.files,
      options,
      shapes: shapesOf(this.#source),
      quantization: quantizationOf(this.#source),
    });
    const taken = prepared.steps.reduce((sum, { ms }) => sum + ms, 0);
    const others = Math.round((this.#clock.nowNs() - startNs) / 1e5) / 10 - taken;
    this.#steps.push(...prepared.steps);
    if (others >= 1) this.#steps.push({ name: 'artifact', ms: Math.round(others * 10) / 10 });
    return prepared;
  }
}

export interface PreparationContext {
  /** Left out, models are loaded as they lie there. */
  readonly artifacts?: Artifacts;
  readonly clock: Clock;
}

function plainly({ modelFile }: InstanceOptions): PreparedModel {
  return { modelFile, compiled: false, report: null, shortfall: '', live: null, steps: [] };
}

function quantizationOf({ config, folder }: ModelSource): QuantizationRequest | null {
  const { spec } = readQuantization(config);
  if (spec === null) return null;
  const { calibration } = spec;
  const labelled = config.output.filter(({ label_filename }) => label_filename !== '');
  return {
    spec,
    // What lies beside the versions was copied with them if it is in one of the folders that belong to a model.
    folders:
      calibration.kind === 'folder'
        ? [folder.directory, join(folder.repository, folder.name)].map((place) =>
            resolve(place, calibration.path),
          )
        : [],
    images: readImages(config).images,
    classOutputs: new Set(labelled.map(({ name }) => name)),
  };
}

/** Of inputs as the model sees them, -1 where the configuration leaves a dimension open. */
function shapesOf({ config }: ModelSource): Map<string, Shape> {
  const batch = config.max_batch_size > 0 ? [-1] : [];
  return new Map(
    config.input.map(({ name, dims, reshape }) => [name, [...batch, ...(reshape?.shape ?? dims)]]),
  );
}
