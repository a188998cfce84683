import { type ModelFolder, walkModel } from './model-folder.js';
import { distinct, mergeFolders, modelInstead, openRepository, readNames } from './repository.js';

export type { ConfigFile, ModelFolder, VersionFolder } from './model-folder.js';

/** Whether a repository without models is right, as it is where models come and go while serving. */
export interface ScanOptions {
  readonly mayBeEmpty?: boolean;
}

/**
 * The models of one repository by name. Files beside the models' folders are ignored. Rejects with an
 * Error whose text tells the user what to do when this is no repository or can't be read.
 */
export async function scanRepository(directory: string, options: ScanOptions = {}): Promise<ModelFolder[]> {
  return scanRepositories([directory], options);
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
  for (const directory of distinct(directories)) {
    for (const folder of scanFolders(directory)) {
      byName.set(folder.name, [...(byName.get(folder.name) ?? []), folder]);
    }
  }
  if (byName.size === 0 && options.mayBeEmpty !== true) throw new Error(noModels(directories));
  const names = [...byName.keys()].sort();
  return names.flatMap((name) => {
    const [first, ...others] = byName.get(name) ?? [];
    return first === undefined ? [] : [mergeFolders(first, others)];
  });
}

function scanFolders(directory: string): ModelFolder[] {
  const repository = openRepository(directory);
  const names = readNames(repository);
  const folders = names.models.flatMap((name) => walkModel(repository, name)?.folder ?? []);
  const wrong = modelInstead(directory, names, folders);
  if (wrong !== null) throw new Error(wrong);
  return folders;
}

/** What to tell when there is nothing to serve. */
export function noModels(directories: readonly string[]): string {
  const places = directories.map((directory) => `'${directory}'`).join(', ');
  return `no models in ${places}: a model repository holds a folder for each model, like <repository>/<model>/1/model.onnx`;
}
