import { dirname } from 'node:path';
import { ServingError, type StatusCode } from '../errors/serving-error.js';
import { FindingsError } from '../model-config/findings.js';
import type { ModelFolder } from '../repository/scan.js';

/** How Triton names a status in its texts. */
const STATUS_WORDS: Partial<Record<StatusCode, string>> = {
  INVALID_ARGUMENT: 'Invalid argument',
  NOT_FOUND: 'Not found',
  UNAVAILABLE: 'Unavailable',
  UNIMPLEMENTED: 'Unsupported',
  ALREADY_EXISTS: 'Already exists',
};

/** Why a version could not be loaded, in Triton's form: `Invalid argument: text (config.pbtxt:3)`. */
export function loadReason(error: unknown): string {
  if (error instanceof FindingsError) return `Invalid argument: ${findingsText(error)}`;
  const word = error instanceof ServingError ? STATUS_WORDS[error.code] : undefined;
  return `${word ?? 'Internal'}: ${textOf(error)}`;
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
