import type { Finding } from '../model-config/findings.js';
import type { ConfigFile, ModelFolder, VersionFolder } from './model-folder.js';
import type { ArchivedModel } from './store.js';
import { treeOf } from './tree.js';

type Plain = Readonly<Record<string, unknown>>;

/** What JSON tells of a generation; null when it is none, as after a disk has failed. */
export function toArchivedModel(value: unknown): ArchivedModel | null {
  return isArchivedModel(value) ? value : null;
}

/** The trees that hold a model's files, its own first, then by version; null when one is none of the cache. */
export function treesOf({ folder, versions }: ArchivedModel, cache: string): string[] | null {
  const directories = [
    folder.directory,
    ...versions.map(([served]) => folder.versions.find(({ version }) => version === served)?.directory),
  ];
  const trees = directories.flatMap((directory) =>
    directory === undefined ? [] : (treeOf(cache, directory) ?? []),
  );
  return trees.length === directories.length ? trees : null;
}

function isArchivedModel(value: unknown): value is ArchivedModel {
  return (
    isRecord(value) &&
    typeof value.id === 'string' &&
    typeof value.savedMs === 'number' &&
    isFolder(value.folder) &&
    isTextOrNull(value.configOverride) &&
    isList(value.hashes, (entry) => isPair(entry, 'string')) &&
    isList(value.versions, (entry) => isPair(entry, 'number'))
  );
}

function isFolder(value: unknown): value is ModelFolder {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    typeof value.repository === 'string' &&
    typeof value.directory === 'string' &&
    (value.configFile === null || isConfigFile(value.configFile)) &&
    isList(value.versions, isVersion) &&
    isList(value.findings, isFinding)
  );
}

function isConfigFile(value: unknown): value is ConfigFile {
  return (
    isRecord(value) &&
    typeof value.path === 'string' &&
    (value.kind === 'pbtxt' || value.kind === 'json' || value.kind === 'yaml')
  );
}

function isVersion(value: unknown): value is VersionFolder {
  return (
    isRecord(value) &&
    Number.isSafeInteger(value.version) &&
    typeof value.directory === 'string' &&
    typeof value.origin === 'string' &&
    isList(value.files, (file) => typeof file === 'string')
  );
}

function isFinding(value: unknown): value is Finding {
  return (
    isRecord(value) &&
    (value.severity === 'error' || value.severity === 'warning') &&
    typeof value.file === 'string' &&
    typeof value.line === 'number' &&
    typeof value.message === 'string'
  );
}

function isPair(value: unknown, key: 'string' | 'number'): boolean {
  const first: unknown = Array.isArray(value) ? value[0] : null;
  const isKey = key === 'string' ? typeof first === 'string' : typeof first === 'number';
  return Array.isArray(value) && value.length === 2 && isKey && typeof value[1] === 'string';
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string';
}

function isList(value: unknown, isEntry: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isEntry);
}

function isRecord(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null;
}
