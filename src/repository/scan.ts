import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { mapBounded } from '../lib/bounded.js';
import { readFailure } from './fs-errors.js';
import { CONFIG_FILES, isNumeric, listFolder, type ModelFolder, readModelFolder } from './model-folder.js';

export type { ConfigFile, ModelFolder, VersionFolder } from './model-folder.js';

/** Folders read at the same time: enough to hide a disk's latency. */
const READS_AT_ONCE = 16;

/** File systems put this at the root of a volume. */
const LOST_AND_FOUND = 'lost+found';

/** Whether a repository without models is right, as it is where models come and go while serving. */
export interface ScanOptions {
  readonly mayBeEmpty?: boolean;
}

/**
 * The models of one repository by name. Files beside the models' folders are ignored. Rejects with an
 * Error whose text tells the user what to do when this is no repository or can't be read.
 */
export async function scanRepository(directory: string, options: ScanOptions = {}): Promise<ModelFolder[]> {
  const folders = await scanFolders(directory);
  if (folders.length === 0 && options.mayBeEmpty !== true) throw new Error(noModels([directory]));
  return folders;
}

/**
 * The models of several repositories by name. A name that is found in more than one comes once, with an
 * error among its findings. Rejects like {@link scanRepository}.
 */
export async function scanRepositories(
  directories: readonly string[],
  options: ScanOptions = {},
): Promise<ModelFolder[]> {
  const byName = new Map<string, ModelFolder[]>();
  for (const directory of await distinct(directories)) {
    for (const folder of await scanFolders(directory)) {
      byName.set(folder.name, [...(byName.get(folder.name) ?? []), folder]);
    }
  }
  if (byName.size === 0 && options.mayBeEmpty !== true) throw new Error(noModels(directories));
  const names = [...byName.keys()].sort();
  return names.flatMap((name) => merge(byName.get(name) ?? []));
}

async function scanFolders(directory: string): Promise<ModelFolder[]> {
  const repository = resolve(directory);
  let listing: { files: string[]; folders: string[] };
  try {
    listing = await listFolder(repository);
  } catch (error) {
    throw new Error(`can't read model repository '${directory}': ${readFailure(error)}`, { cause: error });
  }
  const names = listing.folders.filter((name) => name !== LOST_AND_FOUND);
  const isModel = CONFIG_FILES.some(({ path }) => listing.files.includes(path));
  if (isModel) throw new Error(modelInstead(directory));
  const folders = await mapBounded(names, READS_AT_ONCE, (name) => readModelFolder(repository, name));
  // Versions that lie in the repository itself: numbered folders, each with files and no versions within.
  const looksLikeModel =
    folders.length > 0 &&
    folders.every(
      ({ name, versions, configFile }) => isNumeric(name) && versions.length === 0 && !configFile,
    );
  if (looksLikeModel) throw new Error(modelInstead(directory));
  return folders;
}

/** One repository named twice is one repository. */
async function distinct(directories: readonly string[]): Promise<string[]> {
  const byPath = new Map<string, string>();
  for (const directory of directories) {
    const path = await realpath(directory).catch(() => resolve(directory));
    if (!byPath.has(path)) byPath.set(path, directory);
  }
  return [...byPath.values()];
}

function merge(folders: readonly ModelFolder[]): ModelFolder[] {
  const [first] = folders;
  if (first === undefined || folders.length === 1) return [...folders];
  const places = folders.map(({ repository }) => repository).join(', ');
  const message = `failed to poll model '${first.name}': not unique across all model repositories (${places})`;
  return [{ ...first, findings: [...first.findings, { severity: 'error', file: '', line: 0, message }] }];
}

function modelInstead(directory: string): string {
  const parent = dirname(resolve(directory));
  return `'${directory}' is the folder of a model, not a model repository: give the folder that holds it, '${parent}'`;
}

function noModels(directories: readonly string[]): string {
  const places = directories.map((directory) => `'${directory}'`).join(', ');
  return `no models in ${places}: a model repository holds a folder for each model, like <repository>/<model>/1/model.onnx`;
}
