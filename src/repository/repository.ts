import { realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LIMITS } from '../settings/limits.js';
import { folderEntries } from './folder-entries.js';
import { readFailure } from './fs-errors.js';
import { CONFIG_FILES, isNumeric, type ModelFolder } from './model-folder.js';
import { isModelName, type OpenRepository } from './paths.js';

/** Throws an Error whose text is for the user when the folder can't be read. */
export function openRepository(directory: string): OpenRepository {
  try {
    const path = resolve(directory);
    const real = realpathSync.native(path);
    // As a folder; a file's path with a slash behind can't be looked at.
    statSync(`${real}/`);
    return { directory: path, real };
  } catch (error) {
    throw unreadable(directory, error);
  }
}

/** Names in a repository, sorted. */
export interface RepositoryNames {
  /** Folders, whether they hold a model or not; links count as what they lead to. */
  readonly models: readonly string[];
  readonly files: readonly string[];
}

/** Throws like {@link openRepository}. */
export function readNames({ directory }: OpenRepository): RepositoryNames {
  const models: string[] = [];
  const files: string[] = [];
  try {
    for (const entry of folderEntries(directory)) {
      if (!isModelName(entry.name)) continue;
      const isFolder = entry.isSymbolicLink()
        ? leadsToFolder(join(directory, entry.name))
        : entry.isDirectory();
      (isFolder ? models : files).push(entry.name);
      if (models.length + files.length > LIMITS.repositoryEntriesMax) {
        throw new Error(
          `it holds more than ${LIMITS.repositoryEntriesMax} folders and files, the most that are taken`,
        );
      }
    }
  } catch (error) {
    throw unreadable(directory, error);
  }
  return { models: models.sort(), files: files.sort() };
}

/** A link that leads nowhere is no model. */
function leadsToFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** One repository named twice is one repository: each once, as it was named first. */
export function distinct(directories: readonly string[]): string[] {
  const byPath = new Map<string, string>();
  for (const directory of directories) {
    const path = realPath(directory);
    if (!byPath.has(path)) byPath.set(path, directory);
  }
  return [...byPath.values()];
}

function realPath(directory: string): string {
  try {
    return realpathSync.native(directory);
  } catch {
    return resolve(directory);
  }
}

/** Why a folder that was named as repository is a model's instead; null when it isn't. */
export function modelInstead(
  directory: string,
  { files }: RepositoryNames,
  folders: readonly ModelFolder[],
): string | null {
  const holdsConfig = CONFIG_FILES.some(({ path }) => files.includes(path));
  // Versions that lie in the repository itself: numbered folders, each with files and no versions within.
  const holdsVersions =
    folders.length > 0 &&
    folders.every(
      ({ name, versions, configFile }) => isNumeric(name) && versions.length === 0 && !configFile,
    );
  if (!holdsConfig && !holdsVersions) return null;
  return `'${directory}' is the folder of a model, not a model repository: give the folder that holds it, '${dirname(resolve(directory))}'`;
}

/** The folder of a name that several repositories hold, with an error that says so. */
export function mergeFolders(first: ModelFolder, others: readonly ModelFolder[]): ModelFolder {
  if (others.length === 0) return first;
  const places = [first, ...others].map(({ repository }) => repository).join(', ');
  const message = `failed to poll model '${first.name}': not unique across all model repositories (${places})`;
  return { ...first, findings: [...first.findings, { severity: 'error', file: '', line: 0, message }] };
}

function unreadable(directory: string, error: unknown): Error {
  return new Error(`can't read model repository '${directory}': ${readFailure(error)}`, { cause: error });
}
