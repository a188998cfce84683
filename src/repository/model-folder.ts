import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../model-config/findings.js';
import type { ConfigKind } from '../model-config/parse.js';
import { readFailure } from './fs-errors.js';

/** A version's folder; its number is a positive safe integer. */
export interface VersionFolder {
  readonly version: number;
  /** Absolute path from which it is loaded. */
  readonly directory: string;
  /** Absolute path in the repository, for people: `directory` may be a copy of it. */
  readonly origin: string;
  /** Names of what lies in it, hidden ones left out. */
  readonly files: readonly string[];
}

export interface ConfigFile {
  /** Relative to the model's folder. */
  readonly path: string;
  readonly kind: ConfigKind;
}

/** A model as it lies in a repository, nothing of it read yet. */
export interface ModelFolder {
  /** The folder's own name, under which the model is served. */
  readonly name: string;
  /** Absolute path of the repository. */
  readonly repository: string;
  /** Absolute path of the model's folder. */
  readonly directory: string;
  /** null when there is none: everything is left to the model. */
  readonly configFile: ConfigFile | null;
  /** Ascending. */
  readonly versions: readonly VersionFolder[];
  readonly findings: readonly Finding[];
}

/** Names that a configuration file may have, the usual one first. */
export const CONFIG_FILES: readonly ConfigFile[] = [
  { path: 'config.pbtxt', kind: 'pbtxt' },
  { path: 'config.json', kind: 'json' },
  { path: 'config.yaml', kind: 'yaml' },
  { path: 'config.yml', kind: 'yaml' },
];

/** Folders that belong to a model besides its versions. */
const COMPANIONS: ReadonlySet<string> = new Set(['configs', 'warmup', 'initial_state']);

/** Looks into a model's folder. Never rejects: what can't be read becomes an error among the findings. */
export async function readModelFolder(repository: string, name: string): Promise<ModelFolder> {
  const directory = join(repository, name);
  const findings: Finding[] = [];
  const report = (severity: Finding['severity'], message: string): void => {
    findings.push({ severity, file: '', line: 0, message });
  };
  const versions: VersionFolder[] = [];
  let configFile: ConfigFile | null = null;
  try {
    const { files, folders } = await listFolder(directory);
    configFile = chooseConfigFile(files, report);
    for (const file of files.filter(isNumeric)) {
      report('warning', `'${file}' is ignored: a version is a folder, this is a file`);
    }
    for (const folder of folders) {
      const ignored = COMPANIONS.has(folder) ? '' : versionProblem(folder);
      if (ignored === null) versions.push(await readVersionFolder(directory, folder));
      else if (ignored !== '') report('warning', ignored);
    }
  } catch (error) {
    report('error', `can't read the folder of model '${name}': ${readFailure(error)}`);
  }
  versions.sort((a, b) => a.version - b.version);
  return { name, repository, directory, configFile, versions, findings };
}

/** Names in a folder, sorted, hidden ones left out; links count as what they lead to. */
export async function listFolder(directory: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const isFolder = entry.isSymbolicLink()
      ? await leadsToFolder(join(directory, entry.name))
      : entry.isDirectory();
    (isFolder ? folders : files).push(entry.name);
  }
  return { files, folders };
}

/** A link that leads nowhere counts as a file: reading it will say what is wrong. */
async function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (target) => target.isDirectory(),
    () => false,
  );
}

function chooseConfigFile(
  files: readonly string[],
  report: (severity: Finding['severity'], message: string) => void,
): ConfigFile | null {
  const found = CONFIG_FILES.filter(({ path }) => files.includes(path));
  if (found.length > 1) {
    report('error', `several configuration files: ${found.map(({ path }) => path).join(', ')}; keep one`);
  }
  return found[0] ?? null;
}

async function readVersionFolder(directory: string, folder: string): Promise<VersionFolder> {
  const path = join(directory, folder);
  const { files, folders } = await listFolder(path);
  return { version: Number(folder), directory: path, origin: path, files: [...files, ...folders].sort() };
}

/** Whether a name could be meant as a version. */
export function isNumeric(name: string): boolean {
  return /^\d+$/.test(name);
}

/** Why a folder is no version; null when it is one. */
function versionProblem(folder: string): string | null {
  if (!isNumeric(folder)) return `folder '${folder}' is ignored: versions are whole numbers`;
  if (folder === '0') return "version folder '0' is ignored: versions start at 1";
  if (folder.startsWith('0')) {
    return `version folder '${folder}' is ignored: its name has leading zeros`;
  }
  if (!Number.isSafeInteger(Number(folder))) {
    return `version folder '${folder}' is ignored: versions end at ${Number.MAX_SAFE_INTEGER}`;
  }
  return null;
}
