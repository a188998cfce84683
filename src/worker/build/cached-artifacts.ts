import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import type { QuantizationSpec } from '../../model-config/quantization.js';
import { canonicalJson } from '../../quantize/canonical-json.js';
import type { Recipe } from '../../quantize/recipe.js';
import type { QuantizationReport } from '../../quantize/report.js';
import type { Artifact } from '../../repository/artifact-cache.js';
import { LIMITS } from '../../settings/limits.js';
import type { Log } from '../../telemetry/log.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import type { ArtifactRequest, Artifacts, PreparedModel, QuantizationRequest } from './artifacts.js';
import { BuilderClosedError, BuildLostError } from './build-child.js';
import type { ArtifactDetails, BuildReply, BuildStep } from './build-message.js';
import type { Builder } from './builder.js';
import { graphEntries, whyNotCompiled, whyNotQuantized } from './compilable.js';
import { COMPILED_MODEL } from './compile.js';
import { LiveState } from './live-state.js';
import type { FoundArtifact, SamplePlaces } from './locate-samples.js';
import { RecordedRequests } from './recorded-requests.js';

/** Where artifacts are looked for. */
export interface ArtifactStore {
  /** Rejects with an Error for people when samples can't be read. */
  artifact(recipe: Recipe, samples: SamplePlaces | null): Promise<FoundArtifact>;
  discardArtifact(recipe: Recipe): Promise<void>;
}

export interface CachedArtifactsOptions {
  /** Absolute path of the cache. */
  readonly directory: string;
  readonly bytesMax?: number;
  readonly store: ArtifactStore;
  readonly builder: Pick<Builder, 'build'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Recipes that are not tried again while the server runs. */
const LOST_MAX = 1024;

/** What a search or a build came to; `reason` where there is no artifact. */
interface Found {
  readonly artifact: Artifact | null;
  readonly reason: string;
  readonly steps: readonly BuildStep[];
  /** With the samples that it goes by, as far as they could be read. */
  readonly recipe: Recipe;
}

interface Origin {
  readonly request: ArtifactRequest;
  readonly recipe: Recipe;
}

/** Artifacts in a cache, built when they are not there. */
export class CachedArtifacts implements Artifacts {
  readonly #options: CachedArtifactsOptions;
  /** Builds under way, by their recipes. */
  readonly #building = new Map<string, Promise<Found>>();
  /** Recipes whose artifacts could not be built or loaded, and why. */
  readonly #lost = new Map<string, string>();
  /** What the artifact that a model is loaded from was made by. */
  readonly #origins = new WeakMap<PreparedModel, Origin>();
  /** What is to be made once requests have been recorded. */
  readonly #live = new WeakMap<LiveState, Origin>();
  /** Why the cache could not be used last; '' while it can. */
  #trouble = '';

  constructor(options: CachedArtifactsOptions) {
    this.#options = options;
  }

  async prepare(request: ArtifactRequest): Promise<PreparedModel> {
    const { quantization } = request;
    if (quantization === null) return this.#compiled(request);
    const impossible = whyNotQuantized(request.backend, request.options);
    const recipe = recipeOf(request, {
      spec: quantization.spec,
      images: Object.fromEntries(quantization.images),
      shapes: Object.fromEntries(request.shapes),
      classOutputs: [...quantization.classOutputs].sort(),
      samples: '',
    });
    if (impossible !== '') return this.#original(request, quantization.spec, nothing(recipe, impossible));
    const found = await this.#obtain(request, recipe, placesOf(quantization));
    const { artifact, steps } = found;
    if (artifact?.directory != null) {
      const modelFile = join(artifact.directory, COMPILED_MODEL);
      const rest = { modelFile, shortfall: '', live: null, steps };
      const details = detailsOf(artifact);
      this.#tellQuantized(request, details.report);
      return this.#handOut({ ...details, ...rest }, { request, recipe: found.recipe });
    }
    const { calibration } = quantization.spec;
    if (calibration.kind === 'live' && artifact === null) {
      const live = new LiveState(quantization.spec, calibration.requests);
      this.#live.set(live, { request, recipe });
      return this.#changed(await this.#compiled(request), { shortfall: live.shortfall, live });
    }
    return this.#original(request, quantization.spec, found);
  }

  /** What is served where a quantized model was asked for. */
  async #original(
    request: ArtifactRequest,
    { mode, onFailure }: QuantizationSpec,
    { artifact, reason, steps }: Found,
  ): Promise<PreparedModel> {
    const shortfall = `it is not quantized (${mode}): ${reason}`;
    if (onFailure === 'fail') throw new Error(shortfall);
    this.#tellOriginal(request, shortfall);
    const original = await this.#compiled(request);
    const { report } = detailsOf(artifact);
    return this.#changed(original, { report, shortfall, steps: [...steps, ...original.steps] });
  }

  distrust(prepared: PreparedModel, reason: string): void {
    const origin = this.#origins.get(prepared);
    if (origin === undefined) return;
    const { request, recipe } = origin;
    if (request.quantization === null) this.#tellPlain(request, reason);
    else this.#tellOriginal(request, `it is not quantized (${request.quantization.spec.mode}): ${reason}`);
    this.#lose(canonicalJson(recipe), reason);
    // Whoever finds it again finds out again.
    this.#options.store.discardArtifact(recipe).catch(() => {});
  }

  async quantizeLive(
    prepared: PreparedModel,
    samples: readonly (readonly NamedTensor[])[],
  ): Promise<boolean> {
    const { live } = prepared;
    const origin = live === null ? undefined : this.#live.get(live);
    if (origin === undefined || live === null) return false;
    live.building();
    const recorded = new RecordedRequests(this.#options.directory, this.#options.clock);
    try {
      const folder = await recorded.write(samples);
      const places = { folders: [folder], samplesMax: live.samplesMax };
      const { artifact, reason } = await this.#obtain(origin.request, origin.recipe, places);
      if (artifact?.directory != null) return true;
      live.failed(artifact?.reason ?? reason, detailsOf(artifact).report);
    } catch (error) {
      live.failed(error instanceof Error ? error.message : String(error), null);
    } finally {
      recorded.remove();
    }
    this.#tellOriginal(origin.request, live.shortfall);
    return false;
  }

  /** The model with its numbers as they are. */
  async #compiled(asked: ArtifactRequest): Promise<PreparedModel> {
    const request: ArtifactRequest = { ...asked, quantization: null };
    const { options, backend } = request;
    const plain: PreparedModel = {
      modelFile: options.modelFile,
      compiled: false,
      report: null,
      shortfall: '',
      live: null,
      steps: [],
    };
    if (whyNotCompiled(backend, options) !== '') return plain;
    if ((await sizeOf(request)) < LIMITS.compiledBytesMin) return plain;
    const { artifact, steps, recipe } = await this.#obtain(request, recipeOf(request, null), null);
    if (artifact?.directory == null) return { ...plain, steps };
    const modelFile = join(artifact.directory, COMPILED_MODEL);
    return this.#handOut({ ...plain, modelFile, compiled: true, steps }, { request, recipe });
  }

  #handOut(prepared: PreparedModel, origin: Origin): PreparedModel {
    this.#origins.set(prepared, origin);
    return prepared;
  }

  /** The same to load, with other words on it. */
  #changed(prepared: PreparedModel, changes: Partial<PreparedModel>): PreparedModel {
    const changed = { ...prepared, ...changes };
    const origin = this.#origins.get(prepared);
    if (origin !== undefined) this.#origins.set(changed, origin);
    return changed;
  }

  async #obtain(request: ArtifactRequest, wanted: Recipe, samples: SamplePlaces | null): Promise<Found> {
    let found: FoundArtifact;
    try {
      found = await this.#options.store.artifact(wanted, samples);
    } catch (error) {
      return nothing(wanted, error instanceof Error ? error.message : String(error));
    }
    const { artifact, recipe } = found;
    const key = canonicalJson(recipe);
    const lost = this.#lost.get(key);
    if (lost !== undefined) return nothing(recipe, lost);
    if (artifact !== null) return { artifact, reason: artifact.reason, steps: [], recipe };
    if (request.quantization?.spec.calibration.kind === 'live' && found.folder === null) {
      return nothing(recipe, 'its requests are not recorded yet');
    }
    // The key says what they held when they were read.
    if (request.options.mutableFiles === true) return nothing(recipe, 'its files may change where they lie');
    const running = this.#building.get(key) ?? this.#build(request, found);
    this.#building.set(key, running);
    return running.finally(() => this.#building.delete(key));
  }

  async #build(request: ArtifactRequest, { recipe, folder }: FoundArtifact): Promise<Found> {
    const { directory, bytesMax = LIMITS.cacheBytesMax, builder, log } = this.#options;
    const { options, shapes, quantization } = request;
    const { modelName: model, version } = options;
    const made = quantization === null ? 'compiled' : `quantized: ${quantization.spec.mode}`;
    let reply: BuildReply;
    try {
      reply = await builder.build({
        cache: { directory, bytesMax },
        recipe,
        label: { model, version, made },
        options,
        bytes: await sizeOf(request),
        shapes,
        quantization: quantization && {
          samples: folder,
          images: quantization.images,
          classOutputs: quantization.classOutputs,
        },
      });
    } catch (error) {
      if (error instanceof BuilderClosedError) return nothing(recipe, error.message);
      const isLost = error instanceof BuildLostError;
      if (isLost) this.#tellPlain(request, error.message);
      else log.error({ model, version, err: error }, 'a build has failed');
      const reason = isLost ? error.message : 'the server has made a mistake, which its log shows';
      this.#lose(canonicalJson(recipe), reason);
      return nothing(recipe, reason);
    }
    if (reply.kind === 'no-cache') {
      this.#noteTrouble(reply.reason);
      return nothing(recipe, `can't use the artifact cache: ${reply.reason}`);
    }
    this.#trouble = '';
    const { artifact, steps } = reply;
    if (artifact.directory === null) this.#tellPlain(request, artifact.reason);
    return { artifact, reason: artifact.reason, steps, recipe };
  }

  #lose(key: string, reason: string): void {
    const [oldest] = this.#lost.keys();
    if (this.#lost.size >= LOST_MAX && oldest !== undefined) this.#lost.delete(oldest);
    this.#lost.set(key, reason);
  }

  #tellOriginal({ options: { modelName: model, version } }: ArtifactRequest, shortfall: string): void {
    this.#options.log.warn(
      { model, version },
      `'${model}' version ${version} is served as it is: ${shortfall}`,
    );
  }

  #tellQuantized(
    { options: { modelName: model, version } }: ArtifactRequest,
    report: QuantizationReport | null,
  ): void {
    if (report === null) return;
    const { mode, bytes, runMs, findings } = report;
    const fields = { model, version, mode, bytes, runMs };
    const text = `'${model}' version ${version} is quantized (${mode})`;
    if (findings.length === 0) this.#options.log.info(fields, text);
    else this.#options.log.warn(fields, `${text}: ${findings.join('; ')}`);
  }

  /** What is not quantized is told each time it is loaded. */
  #tellPlain(
    { quantization, options: { modelName: model, version } }: ArtifactRequest,
    reason: string,
  ): void {
    if (quantization !== null) return;
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
      `can't use the artifact cache '${directory}': ${reason}; models are neither compiled for this machine nor quantized, each instance loads its own copy`,
    );
  }
}

function nothing(recipe: Recipe, reason: string): Found {
  return { artifact: null, reason, steps: [], recipe };
}

function placesOf({ spec, folders }: QuantizationRequest): SamplePlaces | null {
  return folders.length === 0 ? null : { folders, samplesMax: spec.samplesMax };
}

/** As this server's build process writes them, of this version of its format. */
function detailsOf(artifact: Artifact | null): ArtifactDetails {
  return (artifact?.details as ArtifactDetails | null) ?? { compiled: false, report: null };
}

function recipeOf({ contentHash, options }: ArtifactRequest, quantization: Recipe['quantization']): Recipe {
  return {
    contentHash,
    modelFile: relative(options.directory, options.modelFile),
    device: options.device.kind,
    graphLevel: options.graphLevel,
    session: graphEntries(options.parameters),
    quantization,
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
