import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { InstanceOptions } from '../../backend/backend.js';
import type { Clock } from '../../lib/clock.js';
import { canonicalJson } from '../../quantize/canonical-json.js';
import type { Recipe } from '../../quantize/recipe.js';
import type { QuantizationReport } from '../../quantize/report.js';
import type { Artifact } from '../../repository/artifact-cache.js';
import { LIMITS } from '../../settings/limits.js';
import type { Log } from '../../telemetry/log.js';
import type { Shape } from '../../tensor/shape.js';
import { BuildLostError } from './build-child.js';
import type { BuildReply, BuildRequest, BuildStep } from './build-message.js';
import type { Builder } from './builder.js';
import { graphEntries, whyNotCompiled } from './compilable.js';
import { COMPILED_MODEL } from './compile.js';

/** A version that is to be loaded. */
export interface ArtifactRequest {
  readonly backend: string;
  /** Hash of the version's files. */
  readonly contentHash: string;
  /** Names of what lies in the version's folder. */
  readonly files: readonly string[];
  /** Of an instance that loads the model as it lies there. */
  readonly options: InstanceOptions;
  /** Of inputs, by name, as the configuration has them, the batch dimension included; -1 = open. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/** What lanes load. */
export interface PreparedModel {
  /** Absolute path. */
  readonly modelFile: string;
  readonly compiled: boolean;
  readonly report: QuantizationReport | null;
  /** What was done for it just now. */
  readonly steps: readonly BuildStep[];
}

/** The seam behind which models are made ready for the machine. */
export interface Artifacts {
  /** Never rejects because of a model: what can't be prepared is loaded as it is. */
  prepare(request: ArtifactRequest): Promise<PreparedModel>;
  /** Says that a compiled model could not be loaded, for a reason: it is not used again. */
  distrust(prepared: PreparedModel, reason: string): void;
}

export interface CachedArtifactsOptions {
  /** Absolute path of the cache. */
  readonly directory: string;
  readonly bytesMax?: number;
  readonly store: {
    artifact(recipe: Recipe): Promise<Artifact | null>;
    discardArtifact(recipe: Recipe): Promise<void>;
  };
  readonly builder: Pick<Builder, 'build'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What could not be built for a reason that may pass is not tried again while the server runs. */
const LOST_MAX = 1024;

/** Artifacts in a cache, built when they are not there. */
export class CachedArtifacts implements Artifacts {
  readonly #options: CachedArtifactsOptions;
  /** Builds under way, by their recipes. */
  readonly #building = new Map<string, Promise<Built>>();
  /** Recipes whose artifacts could not be built or loaded. */
  readonly #lost = new Set<string>();
  /** What each model that was handed out was made of. */
  readonly #recipes = new WeakMap<PreparedModel, ArtifactRequest>();
  /** Why the cache could not be used last; '' while it can. */
  #trouble = '';

  constructor(options: CachedArtifactsOptions) {
    this.#options = options;
  }

  async prepare(request: ArtifactRequest): Promise<PreparedModel> {
    const plain: PreparedModel = {
      modelFile: request.options.modelFile,
      compiled: false,
      report: null,
      steps: [],
    };
    if (whyNotCompiled(request.backend, request.options) !== '') return plain;
    const bytes = await sizeOf(request);
    if (bytes < LIMITS.compiledBytesMin) return plain;
    const recipe = recipeOf(request);
    if (this.#lost.has(canonicalJson(recipe))) return plain;
    const { artifact, steps } = (await this.#find(recipe)) ?? (await this.#build(request, recipe, bytes));
    if (artifact?.directory == null) return { ...plain, steps };
    const modelFile = join(artifact.directory, COMPILED_MODEL);
    const prepared: PreparedModel = { ...plain, modelFile, compiled: true, steps };
    this.#recipes.set(prepared, request);
    return prepared;
  }

  distrust(prepared: PreparedModel, reason: string): void {
    const request = this.#recipes.get(prepared);
    if (request === undefined) return;
    const { modelName, version } = request.options;
    this.#tellPlain(modelName, version, reason);
    const recipe = recipeOf(request);
    this.#lose(canonicalJson(recipe));
    // Whoever finds it again finds out again.
    this.#options.store.discardArtifact(recipe).catch(() => {});
  }

  async #find(recipe: Recipe): Promise<Built | null> {
    const artifact = await this.#options.store.artifact(recipe).catch(() => null);
    return artifact === null ? null : { artifact, steps: [] };
  }

  #build(request: ArtifactRequest, recipe: Recipe, bytes: number): Promise<Built> {
    const key = canonicalJson(recipe);
    const running = this.#building.get(key);
    if (running !== undefined) return running;
    const building = this.#run(request, recipe, bytes).finally(() => this.#building.delete(key));
    this.#building.set(key, building);
    return building;
  }

  async #run({ options, shapes }: ArtifactRequest, recipe: Recipe, bytes: number): Promise<Built> {
    const { directory, bytesMax = LIMITS.cacheBytesMax, builder, log } = this.#options;
    const { modelName: model, version } = options;
    const order: BuildRequest = {
      cache: { directory, bytesMax },
      recipe,
      label: { model, version, made: 'compiled' },
      options,
      bytes,
      shapes,
    };
    let reply: BuildReply;
    try {
      reply = await builder.build(order);
    } catch (error) {
      if (!(error instanceof BuildLostError)) log.error({ model, version, err: error }, 'a build has failed');
      else this.#tellPlain(model, version, error.message);
      this.#lose(canonicalJson(recipe));
      return NOTHING;
    }
    if (reply.kind === 'no-cache') {
      this.#noteTrouble(reply.reason);
      return NOTHING;
    }
    this.#trouble = '';
    const { artifact, steps } = reply;
    if (artifact.directory === null) this.#tellPlain(model, version, artifact.reason);
    return { artifact, steps };
  }

  #lose(key: string): void {
    const [oldest] = this.#lost;
    if (this.#lost.size >= LOST_MAX && oldest !== undefined) this.#lost.delete(oldest);
    this.#lost.add(key);
  }

  #tellPlain(model: string, version: number, reason: string): void {
    this.#options.log.info(
      { model, version },
      `'${model}' version ${version} is not compiled for this machine, each instance loads its own copy: ${reason}`,
    );
  }

  /** Said once, until it has worked again. */
  #noteTrouble(reason: string): void {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    const { directory, log } = this.#options;
    log.warn(
      {},
      `can't use the artifact cache '${directory}': ${reason}; models are not compiled for this machine, each instance loads its own copy`,
    );
  }
}

interface Built {
  readonly artifact: Artifact | null;
  readonly steps: readonly BuildStep[];
}

const NOTHING: Built = { artifact: null, steps: [] };

function recipeOf({ contentHash, options }: ArtifactRequest): Recipe {
  return {
    contentHash,
    modelFile: relative(options.directory, options.modelFile),
    device: options.device.kind,
    graphLevel: options.graphLevel,
    session: graphEntries(options.parameters),
    quantization: null,
  };
}

/** Bytes of what lies in a version's folder; what lies deeper is not looked at. */
async function sizeOf({ files, options: { directory } }: ArtifactRequest): Promise<number> {
  let bytes = 0;
  for (const name of files.slice(0, LIMITS.compiledFilesMax)) {
    const stats = await stat(join(directory, name)).catch(() => null);
    // What a folder holds may be large.
    bytes += stats === null ? 0 : stats.isDirectory() ? LIMITS.compiledBytesMin : stats.size;
  }
  return bytes;
}
