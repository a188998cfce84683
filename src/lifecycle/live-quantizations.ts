import type { Log } from '../telemetry/log.js';
import type { Artifacts, PreparedModel } from '../worker/build/artifacts.js';
import type { AspireResult } from './aspiration.js';
import type { Generation, GenerationVersion } from './generation.js';
import type { RecordedSample } from './request-recorder.js';

/** What a served version was asked at first. */
export interface Sampled {
  readonly model: string;
  readonly version: GenerationVersion;
  readonly prepared: PreparedModel;
  readonly samples: readonly RecordedSample[];
}

/** Of a model's lifecycle. */
interface Renewable {
  readonly aspired: Generation | null;
  aspire(generation: Generation, why: string, anew: boolean): Promise<AspireResult>;
}

export interface LiveQuantizationsOptions {
  readonly artifacts?: Artifacts;
  readonly log: Log;
  readonly lifecycleOf: (model: string) => Renewable | undefined;
}

/** Sessions made of a model that was quantized by its requests are others than those made before. */
const LIVE_SAMPLES = 'live';

/** Has models quantized by the requests that they were asked first, and loaded anew then. */
export class LiveQuantizations {
  readonly #options: LiveQuantizationsOptions;

  constructor(options: LiveQuantizationsOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async sampled({ model, version, prepared, samples }: Sampled): Promise<void> {
    const { artifacts, log, lifecycleOf } = this.#options;
    let quantized = false;
    try {
      quantized = (await artifacts?.quantizeLive(prepared, samples)) ?? false;
    } catch (error) {
      log.error({ model, version: version.version, err: error }, 'recorded requests could not be used');
    }
    const lifecycle = lifecycleOf(model);
    const aspired = lifecycle?.aspired ?? null;
    const isServed =
      aspired?.versions.some(({ fingerprint }) => fingerprint === version.fingerprint) ?? false;
    // What has replaced it meanwhile finds what was made, or records requests of its own.
    if (lifecycle === undefined || aspired === null || !isServed) return;
    const why = quantized ? 'it has been quantized' : 'it could not be quantized';
    await lifecycle.aspire(quantized ? renewed(aspired, version) : aspired, why, true);
  }
}

function renewed(generation: Generation, { fingerprint }: GenerationVersion): Generation {
  const versions = generation.versions.map((version) =>
    version.fingerprint === fingerprint
      ? { ...version, fingerprint: `${fingerprint} ${LIVE_SAMPLES}`, samplesHash: LIVE_SAMPLES }
      : version,
  );
  return { ...generation, versions };
}
