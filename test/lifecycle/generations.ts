import { join } from 'node:path';
import { type Generation, toGeneration } from '#naiad/lifecycle/generation.js';
import type { Target } from '#naiad/lifecycle/revision.js';
import type { ModelConfig } from '#naiad/model-config/message.js';
import { NOWHERE } from '#naiad/model-config/problem.js';
import { aModelConfig } from '../support/memory-service.js';

/** What a generation is made of. */
export interface Parts {
  /** By version, content by which it is hashed. */
  readonly versions: Readonly<Record<number, string>>;
  /** Hashes of the files outside of versions. */
  readonly files: Readonly<Record<string, string>>;
  readonly config: Partial<ModelConfig>;
  readonly directory: string;
  readonly immutable: boolean;
}

/** A generation of model `m` with one version unless told otherwise. */
export function aGeneration(parts: Partial<Parts> = {}): Generation {
  const { versions = { 1: 'a' }, files = {}, config = {}, directory = '/cache/m', immutable = true } = parts;
  const contentHashes = new Map(Object.entries(versions).map(([version, hash]) => [Number(version), hash]));
  return toGeneration(
    {
      folder: {
        name: 'm',
        repository: '/models',
        directory,
        configFile: null,
        versions: [...contentHashes.keys()].map((version) => ({
          version,
          directory: join(directory, String(version)),
          origin: `/models/m/${version}`,
          files: [],
        })),
        findings: [],
      },
      config: aModelConfig({ name: 'm', backend: 'identity', ...config }),
      versions: [...contentHashes.keys()],
      configFile: 'config.pbtxt',
      locate: NOWHERE,
      warnings: [],
    },
    {
      origin: 'repository',
      hashes: new Map(Object.entries(files)),
      contentHashes,
      configOverride: null,
      immutable,
      wallMs: 1_700_000_000_000,
    },
  );
}

/** A version of a generation. */
export function aTarget(generation = aGeneration(), version = 1): Target {
  const found = generation.versions.find((candidate) => candidate.version === version);
  if (found === undefined) throw new Error(`the generation has no version ${version}`);
  return { generation, version: found };
}
