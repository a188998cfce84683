import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { canonicalConfig } from '../model-config/canonical.js';
import type { ModelConfig } from '../model-config/message.js';
import { readQuantization } from '../model-config/quantization-parameters.js';
import type { ModelSource } from '../repository/model-source.js';
import type { ArchivedModel } from '../repository/store.js';

/** Where a generation came from. */
export type GenerationOrigin = 'repository' | 'override' | 'rollback';

/** One version of a generation. */
export interface GenerationVersion {
  readonly version: number;
  /** Hash of the version's files. */
  readonly contentHash: string;
  /** Hash of the samples that it is quantized by, where these are files of the model. */
  readonly samplesHash?: string;
  /** Hash of all that decides what this version answers: files, configuration, labels, warm-up data. */
  readonly fingerprint: string;
}

/** All of a model that is to be served together: its configuration and its versions, read and hashed. */
export interface Generation {
  readonly name: string;
  /** Same content, same id. */
  readonly id: string;
  readonly origin: GenerationOrigin;
  readonly source: ModelSource;
  /** Ascending, at least one. */
  readonly versions: readonly GenerationVersion[];
  /** How to come back to it; null when its files may change where they lie. */
  readonly archived: ArchivedModel | null;
  /** How long it took to read, hash and copy it; left out where nothing of that was done. */
  readonly readNs?: number;
}

/** A generation of what was read. `hashes` are those of the files outside the version folders. */
export function toGeneration(
  source: ModelSource,
  parts: {
    readonly origin: GenerationOrigin;
    readonly hashes: ReadonlyMap<string, string>;
    readonly contentHashes: ReadonlyMap<number, string>;
    readonly configOverride: string | null;
    /** Whether nothing can change the files any more. */
    readonly immutable: boolean;
    readonly wallMs: number;
  },
): Generation {
  const { folder, config } = source;
  const samples = sampleFiles(config, parts.hashes);
  const setup = [canonicalConfig(config), ...referencedFiles(config, parts.hashes), ...samples];
  const versions = source.versions.map((version): GenerationVersion => {
    const contentHash = parts.contentHashes.get(version) ?? '';
    const fingerprint = digest([String(version), contentHash, ...setup]);
    return { version, contentHash, fingerprint, ...(samples.length > 0 && { samplesHash: digest(samples) }) };
  });
  const id = digest(versions.map(({ fingerprint }) => fingerprint));
  return {
    name: folder.name,
    id,
    origin: parts.origin,
    source,
    versions,
    archived: parts.immutable
      ? {
          id,
          savedMs: parts.wallMs,
          folder,
          configOverride: parts.configOverride,
          hashes: [...parts.hashes],
          versions: versions.map(({ version, contentHash }) => [version, contentHash]),
        }
      : null,
  };
}

/** Labels and warm-up data, the files that a configuration names: path and hash of each. */
function referencedFiles(config: ModelConfig, hashes: ReadonlyMap<string, string>): string[] {
  const labels = config.output.map(({ label_filename }) => label_filename);
  const warmup = config.model_warmup
    .flatMap(({ inputs }) => Object.values(inputs))
    .flatMap(({ input_data_file: file }) => (file === undefined ? [] : [`warmup/${file}`]));
  return [...new Set([...labels, ...warmup])]
    .filter((path) => path !== '')
    .sort()
    .map((path) => `${path} ${hashes.get(path) ?? 'missing'}`);
}

/** Samples for quantization that lie in the model's folder: path and hash of each. */
function sampleFiles(config: ModelConfig, hashes: ReadonlyMap<string, string>): string[] {
  const calibration = readQuantization(config).spec?.calibration;
  if (calibration?.kind !== 'folder') return [];
  const folder = `${posix.normalize(calibration.path).replace(/\/$/, '')}/`;
  return [...hashes]
    .filter(([path]) => path.startsWith(folder))
    .map(([path, hash]) => `${path} ${hash}`)
    .sort();
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
