import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../model-config/findings.js';
import type { ConfigKind } from '../model-config/parse.js';
import { LIMITS } from '../settings/limits.js';
import { errorCode } from './fs-errors.js';
import type { OpenRepository } from './paths.js';
import { type Budget, type Part, PartWalk } from './walk.js';

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

/** A model's folder and the files in it. */
export interface WalkedModel {
  readonly folder: ModelFolder;
  /** The files outside the version folders. */
  readonly own: Part;
  readonly versions: ReadonlyMap<number, Part>;
}

/** Names that a configuration file may have, the usual one first. */
export const CONFIG_FILES: readonly ConfigFile[] = [
  { path: 'config.pbtxt', kind: 'pbtxt' },
  { path: 'config.json', kind: 'json' },
  { path: 'config.yaml', kind: 'yaml' },
  { path: 'config.yml', kind: 'yaml' },
];

/** Folders that belong to a model besides its versions. */
const COMPANIONS: ReadonlySet<string> = new Set(['configs', 'warmup', 'initial_state', 'calibration']);

/**
 * Looks into a model's folder; null when there is none. Never throws: what can't be read, or leads out of
 * the repository, becomes an error among the findings.
 */
export function walkModel(repository: OpenRepository, name: string): WalkedModel | null {
  const directory = join(repository.directory, name);
  if (!isFolder(directory)) return null;
  const budget: Budget = { entries: LIMITS.modelFilesMax };
  const { own, folders } = walkOwn(repository, name, budget);
  const versions = new Map<number, Part>();
  if (folders !== null) {
    for (const folder of folders.filter(isVersion)) {
      versions.set(Number(folder), walkVersionFolder(repository, name, folder, budget));
    }
  }
  const places = [...versions].sort(([a], [b]) => a - b);
  const folder: ModelFolder = {
    name,
    repository: repository.directory,
    directory,
    configFile: CONFIG_FILES.find(({ path }) => own.names.includes(path)) ?? null,
    versions: places.map(([version, { directory: path, names }]) => ({
      version,
      directory: path,
      origin: path,
      files: names,
    })),
    findings: [own, ...places.map(([, part]) => part)].flatMap(({ findings }) => findings),
  };
  return { folder, own, versions };
}

/** The files outside the version folders as they are now. */
export function walkOwnFiles(repository: OpenRepository, name: string): Part {
  return walkOwn(repository, name, { entries: LIMITS.modelFilesMax }).own;
}

/** The files of one version as they are now. */
export function walkVersion(repository: OpenRepository, name: string, version: number): Part {
  return walkVersionFolder(repository, name, String(version), { entries: LIMITS.modelFilesMax });
}

/** `folders` = those at the top of the model's folder; null when it can't be looked at. */
function walkOwn(
  repository: OpenRepository,
  name: string,
  budget: Budget,
): { own: Part; folders: string[] | null } {
  const walk = new PartWalk({
    repository: repository.real,
    directory: join(repository.directory, name),
    prefix: '',
    label: `the folder of model '${name}'`,
    budget,
  });
  if (isLink(join(repository.directory, name)) && walk.leadsAway('')) {
    return { own: walk.finish(), folders: null };
  }
  const { files, folders } = walk.top();
  for (const folder of folders) {
    if (COMPANIONS.has(folder)) walk.below(folder);
    else if (!isVersion(folder)) walk.report('warning', versionProblem(folder) ?? '');
  }
  reportFiles(walk, files);
  return { own: walk.finish(), folders };
}

function reportFiles(walk: PartWalk, files: readonly string[]): void {
  for (const file of files.filter(isNumeric)) {
    walk.report('warning', `'${file}' is ignored: a version is a folder, this is a file`);
  }
  const found = CONFIG_FILES.filter(({ path }) => files.includes(path)).map(({ path }) => path);
  if (found.length > 1) {
    walk.report('error', `several configuration files: ${found.join(', ')}; keep one`);
  }
}

function walkVersionFolder(repository: OpenRepository, name: string, folder: string, budget: Budget): Part {
  const walk = new PartWalk({
    repository: repository.real,
    directory: join(repository.directory, name, folder),
    prefix: `${folder}/`,
    label: `version folder '${folder}'`,
    budget,
  });
  walk.whole();
  return walk.finish();
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    // What is there and can't be looked at is a model with a problem.
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error));
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

/** Whether a name could be meant as a version. */
export function isNumeric(name: string): boolean {
  return /^\d+$/.test(name);
}

function isVersion(folder: string): boolean {
  return versionProblem(folder) === null;
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
