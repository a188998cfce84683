import type { InstanceOptions } from '../backend/backend.js';
import type { Clock } from '../lib/clock.js';
import { invariant } from '../lib/invariant.js';
import { findModelFile, type ModelSource } from '../repository/model-source.js';
import type { Shape } from '../tensor/shape.js';
import type { Artifacts, PreparedModel } from '../worker/build/artifacts.js';
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

  /** Has an instance loaded from what was prepared, or as the model lies there when that can't be loaded. */
  async load<T>(options: InstanceOptions, load: (options: InstanceOptions) => Promise<T>): Promise<T> {
    const prepared = await this.of(options);
    const { modelFile, compiled } = prepared;
    if (!compiled) return load({ ...options, modelFile });
    try {
      return await load({ ...options, modelFile, compiled });
    } catch (error) {
      const instance = await load(options);
      const reason = error instanceof Error ? error.message : String(error);
      this.#artifacts?.distrust(prepared, reason);
      return instance;
    }
  }

  async #prepare(options: InstanceOptions): Promise<PreparedModel> {
    const { modelFile } = options;
    if (this.#artifacts === undefined) return { modelFile, compiled: false, report: null, steps: [] };
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

/** Of inputs as the model sees them, -1 where the configuration leaves a dimension open. */
function shapesOf({ config }: ModelSource): Map<string, Shape> {
  const batch = config.max_batch_size > 0 ? [-1] : [];
  return new Map(
    config.input.map(({ name, dims, reshape }) => [name, [...batch, ...(reshape?.shape ?? dims)]]),
  );
}
