import { didYouMean } from '../lib/did-you-mean.js';
import type { BackendTraits } from './backend-traits.js';
import { BACKENDS } from './backend-traits.js';
import type { ModelConfig } from './message.js';
import { errorAt, type Problem } from './problem.js';

/** A configuration whose backend is decided; with an error among the problems it is as it was. */
export interface BackendFields {
  readonly config: ModelConfig;
  readonly problems: readonly Problem[];
}

/** Platforms of Triton's that no backend here runs; naming one is not a typing error. */
const FOREIGN_PLATFORMS = [
  'pytorch_libtorch',
  'tensorflow_graphdef',
  'tensorflow_savedmodel',
  'tensorrt_plan',
];

/**
 * Fills in `backend`, `platform` and `default_model_filename`, each from the others or, when none is
 * given, from the names of the `files` in the version folder.
 */
export function completeBackendFields(config: ModelConfig, files: readonly string[]): BackendFields {
  // An ensemble has no backend, and is judged as a whole by `findUnsupported` and `validateConfig`.
  if (config.platform === 'ensemble') return { config, problems: [] };
  const problems = platformProblems(config);
  if (problems.length > 0) return { config, problems };
  const traits = backendOf(config, files);
  if (traits === undefined) return { config, problems: [noBackend(config, files)] };
  return {
    config: {
      ...config,
      backend: traits.name,
      platform: config.platform || traits.platform,
      default_model_filename: config.default_model_filename || traits.defaultModelFilename,
    },
    problems: [],
  };
}

function platformProblems({ name, platform, backend }: ModelConfig): Problem[] {
  if (platform === '') return [];
  const traits = ofPlatform(platform);
  if (traits === undefined) {
    if (FOREIGN_PLATFORMS.includes(platform)) {
      return [errorAt(['platform'], `platform '${platform}' of ${name} is not supported, ${supported()}`)];
    }
    const platforms = [...BACKENDS.values()].map((known) => known.platform).filter(Boolean);
    const suggestion = didYouMean(platform, [...platforms, 'ensemble']);
    return [errorAt(['platform'], `unexpected platform type '${platform}' for ${name}${suggestion}`)];
  }
  if (backend === '' || backend === traits.name) return [];
  return [errorAt(['backend'], `unexpected 'platform' and 'backend' pair, got:${platform}, ${backend}`)];
}

function backendOf(config: ModelConfig, files: readonly string[]): BackendTraits | undefined {
  if (config.backend !== '') return BACKENDS.get(config.backend);
  if (config.platform !== '') return ofPlatform(config.platform);
  const names = config.default_model_filename === '' ? files : [config.default_model_filename];
  return [...BACKENDS.values()].find(
    ({ defaultModelFilename }) =>
      defaultModelFilename !== '' &&
      (names.includes(defaultModelFilename) ||
        (config.default_model_filename !== '' && extension(names[0]) === extension(defaultModelFilename))),
  );
}

function noBackend(
  { name, backend, default_model_filename }: ModelConfig,
  files: readonly string[],
): Problem {
  if (backend !== '') {
    const suggestion = didYouMean(backend, BACKENDS.keys());
    return errorAt(
      ['backend'],
      `unable to find backend library for backend '${backend}', try specifying runtime on the model configuration. (${supported()}${suggestion})`,
    );
  }
  const known = [...BACKENDS.values()]
    .map((traits) => extension(traits.defaultModelFilename))
    .filter(Boolean);
  const near = files.find((file) => known.includes(extension(file)));
  const hint =
    near === undefined || default_model_filename !== ''
      ? supported()
      : `the version folder holds '${near}': name it in 'default_model_filename'`;
  return errorAt([], `must specify 'platform' or 'backend' for '${name}'; ${hint}`);
}

function ofPlatform(platform: string): BackendTraits | undefined {
  return [...BACKENDS.values()].find((traits) => traits.platform === platform);
}

function supported(): string {
  return `supported backends are ${[...BACKENDS.keys()].join(', ')}`;
}

function extension(file: string | undefined): string {
  return /\.[^.]+$/.exec(file ?? '')?.[0] ?? '';
}
