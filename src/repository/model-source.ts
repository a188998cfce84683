import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { invariant } from '../lib/invariant.js';
import { autoComplete } from '../model-config/auto-complete.js';
import { completeBackendFields } from '../model-config/backend-fields.js';
import { BACKENDS } from '../model-config/backend-traits.js';
import { compileSpec } from '../model-config/compile.js';
import type { ModelDescription } from '../model-config/description.js';
import { type Finding, FindingsError } from '../model-config/findings.js';
import { readImages } from '../model-config/image-parameters.js';
import type { ModelConfig } from '../model-config/message.js';
import type { ModelSpec } from '../model-config/model-spec.js';
import { type InstanceChoices, normalise } from '../model-config/normalise.js';
import { checkParameters, isSessionParameter } from '../model-config/parameters.js';
import { errorAt, type FieldPath, type Locate, type Problem, toFindings } from '../model-config/problem.js';
import { findUnsupported } from '../model-config/unsupported.js';
import { validateConfig } from '../model-config/validate.js';
import { validateTensors, validateUnique } from '../model-config/validate-io.js';
import { dropUnreachable, validateAgainstModel } from '../model-config/validate-model.js';
import { selectVersions, toVersionPolicy } from '../model-config/version-policy.js';
import { readChosenConfig, type SourceOptions } from './chosen-config.js';
import { readLabels } from './labels.js';
import type { ModelFolder } from './model-folder.js';

/** A model's configuration as written, its backend decided, and the versions that it serves. */
export interface ModelSource {
  readonly folder: ModelFolder;
  readonly config: ModelConfig;
  /** Ascending, at least one. */
  readonly versions: readonly number[];
  /** What findings call the place of the configuration, relative to the model's folder; '' = there is none. */
  readonly configFile: string;
  /** Lines in the configuration file. */
  readonly locate: Locate;
  readonly warnings: readonly Finding[];
}

/** All that is wrong is what Triton finds only when it loads a version. */
export class UnloadableError extends FindingsError {
  /** Those that it would have tried to load, ascending. */
  readonly versions: readonly number[];

  constructor(findings: readonly Finding[], versions: readonly number[]) {
    super(findings);
    this.versions = versions;
  }
}

/**
 * Reads a model's configuration, or begins with an empty one where there is no file. Rejects with
 * FindingsError, which holds all that is wrong as far as it shows without loading the model, in its form
 * {@link UnloadableError} where that applies, and with Error when its files can't be read just now.
 */
export async function readModelSource(
  folder: ModelFolder,
  options: SourceOptions = {},
): Promise<ModelSource> {
  throwErrors(folder.findings);
  const { configFile, ...parsed } = await readChosenConfig(folder, options);
  throwErrors([...folder.findings, ...parsed.findings]);
  const named = { ...parsed.config, name: parsed.config.name || folder.name };
  const { versions, problems: absent } = selectVersions(
    toVersionPolicy(named.version_policy),
    folder.versions.map(({ version }) => version),
  );
  const { config, problems: undecided } = completeBackendFields(named, filesOf(folder, versions));
  const problems = [
    ...nameProblems(folder, named),
    // Without any version there is nothing yet to tell the backend by.
    ...(folder.versions.length > 0 ? undecided : undecided.filter(({ path }) => path.length > 0)),
    ...findUnsupported(config),
    ...checkParameters(config),
    ...validateConfig(config),
    ...absent,
  ];
  const isEarly = (problem: Problem): boolean => isError(problem) && !isForBackend(problem, config);
  const versionless = versions.length > 0 ? [] : [noVersion(folder)];
  const findings = [...folder.findings, ...tie(configFile, [...problems, ...versionless], parsed.locate)];
  if (problems.some(isEarly)) throwErrors(findings);
  if (findings.some(isError)) throw new UnloadableError(findings, versions);
  return { folder, config, versions, configFile, locate: parsed.locate, warnings: findings };
}

/** Whether it is a backend that Triton lets judge a field: which one, its parameters, its accelerators. */
function isForBackend({ path: [field, key] }: Problem, { platform }: ModelConfig): boolean {
  if (field === 'parameters') return isSessionParameter(String(key));
  return field === 'optimization' || (field === 'backend' && platform === '');
}

function isError({ severity }: Pick<Finding, 'severity'>): boolean {
  return severity === 'error';
}

/** What completing needs besides the configuration. */
export interface CompleteOptions extends InstanceChoices {
  /** Of the loaded model; null for backends whose models do not describe themselves. */
  readonly description: ModelDescription | null;
  /** Whether missing parts may be taken from the description. */
  readonly autoComplete: boolean;
}

export interface CompletedModel {
  readonly spec: ModelSpec;
  readonly warnings: readonly Finding[];
}

/**
 * Completes a configuration by its loaded model and compiles it. Rejects with FindingsError, which holds
 * all that contradicts the model or itself, missing label files included.
 */
export async function completeModel(source: ModelSource, options: CompleteOptions): Promise<CompletedModel> {
  const { folder } = source;
  const { description } = options;
  const problems: Problem[] = [];
  let { config } = source;
  if (description !== null && options.autoComplete) {
    const completed = autoComplete(config, description);
    problems.push(...completed.problems);
    config = completed.config;
  }
  config = normalise(config, options);
  const { labels, problems: unread } = await readLabels(folder.directory, config);
  const { images, problems: unclear } = readImages(config);
  if (problems.length === 0) {
    problems.push(...validateTensors(config, options.gpuAvailable));
    const suspects = description === null ? [] : validateAgainstModel(config, description);
    // A tensor that is wrong in itself contradicts the model anyway.
    problems.push(
      ...suspects.filter(({ path }) => !problems.some((problem) => isSameTensor(problem.path, path))),
    );
  }
  problems.push(...validateUnique(config), ...unread, ...unclear);
  if (description !== null) {
    const reachable = dropUnreachable(config, description);
    problems.push(...reachable.problems);
    config = reachable.config;
  }
  const findings = tie(source.configFile, problems, source.locate);
  throwErrors(findings);
  return { spec: compileSpec(config, { labels, images }), warnings: findings };
}

function nameProblems({ name }: ModelFolder, config: ModelConfig): Problem[] {
  if (config.name === name) return [];
  return [
    errorAt(
      ['name'],
      `unexpected directory name '${name}' for model '${config.name}', directory name must equal model name`,
    ),
  ];
}

/** Of the served versions, or of all when none is. */
function filesOf(folder: ModelFolder, served: readonly number[]): string[] {
  return folder.versions
    .filter(({ version }) => served.length === 0 || served.includes(version))
    .flatMap(({ files }) => files);
}

function noVersion({ name, versions }: ModelFolder): Problem {
  const text = `at least one version must be available under the version policy of model '${name}'`;
  const hint = versions.length === 0 ? ', its folder has no version folder like 1/' : '';
  return errorAt(versions.length === 0 ? [] : ['version_policy'], `${text}${hint}`);
}

/**
 * Absolute path of a served version's model file; for backends that read none it need not exist. Rejects
 * with FindingsError, in Triton's words, when it is missing.
 */
export async function findModelFile({ folder, config }: ModelSource, version: number): Promise<string> {
  const place = folder.versions.find((candidate) => candidate.version === version);
  invariant(place !== undefined, `version ${version} of model '${folder.name}' has no folder`);
  const name = config.default_model_filename;
  const path = join(place.directory, name);
  if (BACKENDS.get(config.backend)?.defaultModelFilename === '') return path;
  try {
    // A folder of the same name holds a model with its external data.
    return (await stat(path)).isDirectory() ? join(path, name) : path;
  } catch {
    const others = place.files.length === 0 ? 'it is empty' : `it holds ${place.files.join(', ')}`;
    const message = `failed to stat file ${join(place.origin, name)}: version folder ${version} lacks '${name}', ${others}`;
    throw new FindingsError([{ severity: 'error', file: '', line: 0, message }]);
  }
}

/** Whether both paths lead into the same input or output. */
function isSameTensor(a: FieldPath, b: FieldPath): boolean {
  return a.length > 1 && a[0] === b[0] && a[1] === b[1];
}

/** Problems with fields belong to the configuration file, others to the folder. */
function tie(configFile: string, problems: readonly Problem[], locate: Locate): Finding[] {
  return problems.flatMap((problem) =>
    toFindings([problem], problem.path.length === 0 ? '' : configFile, locate),
  );
}

function throwErrors(findings: readonly Finding[]): void {
  if (findings.some(isError)) throw new FindingsError(findings);
}
