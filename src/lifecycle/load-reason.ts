import { dirname } from 'node:path';
import { repositoryErrors } from '../errors/catalogue.js';
import { ServingError, type StatusCode } from '../errors/serving-error.js';
import { FindingsError } from '../model-config/findings.js';
import { UnloadableError } from '../repository/model-source.js';
import type { ModelFolder } from '../repository/scan.js';
import type { PlannedInstance } from './plan-instances.js';

/** How Triton names a status in its texts. */
const STATUS_WORDS: Partial<Record<StatusCode, string>> = {
  INVALID_ARGUMENT: 'Invalid argument',
  NOT_FOUND: 'Not found',
  UNAVAILABLE: 'Unavailable',
  UNIMPLEMENTED: 'Unsupported',
  ALREADY_EXISTS: 'Already exists',
};

/** To Triton a file that can't be read is no mistake of the configuration that names it. */
const UNREADABLE = /^failed to (?:stat file|open text file for read) /;

/** Why a version could not be loaded, in Triton's form: `Invalid argument: text (config.pbtxt:3)`. */
export function loadReason(error: unknown): string {
  if (error instanceof FindingsError) {
    const text = findingsText(error);
    return `${UNREADABLE.test(text) ? 'Internal' : 'Invalid argument'}: ${text}`;
  }
  const word = error instanceof ServingError ? STATUS_WORDS[error.code] : undefined;
  return `${word ?? 'Internal'}: ${textOf(error)}`;
}

/** The answer to a load of a model that can't be used, found before anything of it was loaded. */
export function loadRefusal(name: string, error: unknown): ServingError {
  if (!(error instanceof UnloadableError))
    return repositoryErrors.notInRepository(name, rejectionReason(error));
  const { versions } = error;
  if (versions.length === 0) return repositoryErrors.noVersion(name);
  const reason = loadReason(error);
  return repositoryErrors.loadFailed(
    name,
    versions.map((version) => ({ version, reason })),
  );
}

/** Why the folder or the configuration of a model can't be used. */
export function rejectionReason(error: unknown): string {
  return textOf(error);
}

/** `error` with the paths of the repository in place of those of a copy. */
export function inRepositoryTerms(error: unknown, folder: ModelFolder): unknown {
  const copies = folder.versions
    .filter(({ directory, origin }) => directory !== origin)
    .map(({ directory, origin }) => [directory, origin] as const);
  const [first] = folder.versions;
  if (first !== undefined) copies.push([folder.directory, dirname(first.origin)]);
  const translate = (text: string): string =>
    copies.reduce((result, [copy, origin]) => result.replaceAll(copy, origin), text);
  if (error instanceof FindingsError) {
    return new FindingsError(
      error.findings.map((finding) => ({ ...finding, message: translate(finding.message) })),
    );
  }
  if (error instanceof ServingError)
    return new ServingError(error.code, translate(error.message), { cause: error });
  return error instanceof Error ? new Error(translate(error.message), { cause: error }) : error;
}

/** What ONNX Runtime says when nothing can run on a GPU here. */
const NO_GPU = /Cuda: Failed to load shared library|no CUDA-capable device is detected/;

/** `error` in Triton's words where an instance is to run on a GPU and none can be used. */
export function inGpuTerms(
  error: unknown,
  { device, group }: Pick<PlannedInstance, 'device' | 'group'>,
  model: { readonly name: string; readonly instance_group: readonly { readonly name: string }[] },
): unknown {
  if (device.kind !== 'gpu' || !NO_GPU.test(textOf(error))) return error;
  const name = model.instance_group[group]?.name || `${model.name}_${group}`;
  return new ServingError(
    'INVALID_ARGUMENT',
    `instance group ${name} of model ${model.name} has kind KIND_GPU but no GPUs are available: ${textOf(error)}`,
    { cause: error },
  );
}

/** Triton's text first, which clients match on, then the place. */
function findingsText({ findings }: FindingsError): string {
  return findings
    .filter(({ severity }) => severity === 'error')
    .map(({ file, line, message }) => {
      const place = line > 0 ? `${file}:${line}` : file;
      return place === '' ? message : `${message} (${place})`;
    })
    .join('; ');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
