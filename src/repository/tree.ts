import { lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type HashedFile, hashFiles, hashOfAll } from './hash-files.js';
import { stampOf } from './walk.js';

/**
 * Files that never change, found by their content: a folder called by the hash of all, which holds them
 * below `files` and what they are in `manifest.json`.
 */
export interface Tree {
  readonly hash: string;
  /** Absolute path of the folder with the files. */
  readonly directory: string;
  /** By path. */
  readonly files: readonly HashedFile[];
}

/** The folder of a tree that its files lie in. */
export const TREE_FILES = 'files';

/** The folder of all trees in a cache. */
export const TREES = 'trees';

const MANIFEST = 'manifest.json';

/** The hash of the tree whose files lie in `directory`; null when that is no folder of the cache. */
export function treeOf(cache: string, directory: string): string | null {
  const tree = dirname(directory);
  const isTree = basename(directory) === TREE_FILES && dirname(tree) === join(cache, TREES);
  return isTree ? basename(tree) : null;
}

/** Completes the folder of a tree whose files are there. */
export function writeManifest(path: string, files: readonly HashedFile[]): void {
  writeFileSync(join(path, MANIFEST), JSON.stringify(files), { mode: 0o444 });
}

/** The tree in a folder; null when it isn't whole: a file is missing, of another size, or too much. */
export function readTree(path: string, hash: string): Tree | null {
  try {
    const files = parseManifest(readFileSync(join(path, MANIFEST), 'utf8'));
    if (files === null || hashOfAll(files) !== hash) return null;
    const directory = join(path, TREE_FILES);
    const sizes = sizesIn(directory);
    const whole = sizes.size === files.length && files.every((file) => sizes.get(file.path) === file.size);
    return whole ? { hash, directory, files } : null;
  } catch {
    return null;
  }
}

/**
 * Reads all files of a tree. Tells what is wrong with it, for people; '' when nothing is. Rejects with the
 * reason of `signal` only.
 */
export async function verifyTree(path: string, hash: string, signal?: AbortSignal): Promise<string> {
  const tree = readTree(path, hash);
  if (tree === null) return 'files are missing, of another size, or too much';
  try {
    const files = tree.files.map(({ path: file, size }) => ({
      path: file,
      size,
      stamp: stampOf(statSync(join(tree.directory, file), { bigint: true })),
    }));
    const found = await hashFiles({ directory: tree.directory, files }, null, signal);
    const wrong = found.filter((file, index) => file.hash !== tree.files[index]?.hash);
    return wrong.map(({ path: file }) => `'${file}' has another content than it was written with`).join(', ');
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

/** Bytes of the files in a tree, whole or not. */
export function bytesOf(path: string): number {
  try {
    return [...sizesIn(join(path, TREE_FILES)).values()].reduce((total, size) => total + size, 0);
  } catch {
    return 0;
  }
}

function parseManifest(text: string): HashedFile[] | null {
  const plain: unknown = JSON.parse(text);
  return Array.isArray(plain) && plain.every(isHashedFile) ? plain : null;
}

function isHashedFile(value: unknown): value is HashedFile {
  if (typeof value !== 'object' || value === null) return false;
  const { path, size, hash } = value as Readonly<Record<string, unknown>>;
  return typeof path === 'string' && typeof size === 'number' && typeof hash === 'string';
}

function sizesIn(directory: string, prefix = '', sizes = new Map<string, number>()): Map<string, number> {
  for (const entry of readdirSync(join(directory, prefix), { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory()) sizesIn(directory, `${path}/`, sizes);
    else sizes.set(path, lstatSync(join(directory, path)).size);
  }
  return sizes;
}
