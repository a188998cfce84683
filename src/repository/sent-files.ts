import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { repositoryErrors } from '../errors/catalogue.js';
import { LIMITS } from '../settings/limits.js';
import { foreignMeaning, NAME_BYTES_MAX } from './paths.js';

/** Common file systems take 4096 for a whole path, the folders above included. */
const PATH_BYTES_MAX = 2048;

/**
 * Files that a client sent by the paths at which they belong below the model's folder. Throws
 * ServingError where a path leads out of it, or can't be that of a file.
 */
export function placeFiles(
  model: string,
  files: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> {
  if (files.size > LIMITS.modelFilesMax) {
    throw repositoryErrors.filesTooMany(model, LIMITS.modelFilesMax);
  }
  const placed = new Map<string, Uint8Array>();
  for (const [path, content] of files) {
    const normalized = normalize(path);
    if (placed.has(normalized)) throw repositoryErrors.fileName(path, 'another file has the same path');
    placed.set(normalized, content);
  }
  for (const path of placed.keys()) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
      if (placed.has(folder)) throw repositoryErrors.fileName(path, `'${folder}' is a file`);
    }
  }
  return placed;
}

/** Writes placed files below a folder. Rejects with the system's error. */
export async function writeFiles(directory: string, placed: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [path, content] of placed) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

function normalize(path: string): string {
  if (path.includes('\0')) throw repositoryErrors.fileName(path.replaceAll('\0', '\\0'), 'it holds a NUL');
  const normalized = posix.normalize(path);
  const leaves = normalized === '..' || normalized.startsWith('../') || normalized.startsWith('/');
  if (leaves || normalized === '.') throw repositoryErrors.fileOutside(path, normalized);
  if (normalized.endsWith('/')) throw repositoryErrors.fileName(path, 'it is the path of a folder');
  for (const name of normalized.split('/')) {
    const meaning = foreignMeaning(name);
    if (meaning !== '') throw repositoryErrors.fileName(path, meaning);
  }
  if (normalized.split('/').some((name) => Buffer.byteLength(name) > NAME_BYTES_MAX)) {
    throw repositoryErrors.fileName(path, `a name has at most ${NAME_BYTES_MAX} bytes`);
  }
  if (Buffer.byteLength(normalized) > PATH_BYTES_MAX) {
    throw repositoryErrors.fileName(path, `a path has at most ${PATH_BYTES_MAX} bytes`);
  }
  return normalized;
}
