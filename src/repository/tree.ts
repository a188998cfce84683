import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorCode } from './fs-errors.js';
import { type HashedFile, hashFiles, hashOfAll } from './hash-files.js';
import type { TreeIdentity } from './identities.js';
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

/** A tree and how its files look to the file system. */
export interface SeenTree {
  readonly tree: Tree;
  readonly identity: TreeIdentity;
}

/**
 * The tree in a folder, of which nothing but the manifest is read; null when it isn't whole: a file is
 * missing, of another size, no plain file, or too much.
 */
export function lookAtTree(path: string, hash: string): SeenTree | null {
  try {
    const files = parseManifest(readFileSync(join(path, MANIFEST), 'utf8'));
    if (files === null || hashOfAll(files) !== hash) return null;
    const directory = join(path, TREE_FILES);
    const found = statsIn(directory);
    const whole = found.size === files.length && files.every((file) => isAsWritten(file, found));
    return whole ? { tree: { hash, directory, files }, identity: identityOf(files, found) } : null;
  } catch {
    return null;
  }
}

/**
 * Reads all files of a tree. Tells what is wrong with it, for people; '' when nothing is. Rejects with the
 * reason of `signal`, and with an Error for people when this process lacks descriptors or memory.
 */
export async function damageOf(seen: SeenTree | null, signal?: AbortSignal): Promise<string> {
  if (seen === null) return 'files are missing, of another size, or too much';
  const { directory, files: written } = seen.tree;
  try {
    const files = written.map(({ path: file, size }) => ({
      path: file,
      size,
      stamp: stampOf(statSync(join(directory, file), { bigint: true })),
    }));
    const found = await hashFiles({ directory, files }, null, signal);
    const wrong = found.filter((file, index) => file.hash !== written[index]?.hash);
    return wrong.map(({ path: file }) => `'${file}' has another content than it was written with`).join(', ');
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Error && SHORTAGES.includes(errorCode(error.cause ?? error))) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** They tell of this process, and nothing of the files. */
const SHORTAGES = ['EMFILE', 'ENFILE', 'ENOMEM'];

/** Bytes of the files in a tree, whole or not. */
export function bytesOf(path: string): number {
  try {
    return [...statsIn(join(path, TREE_FILES)).values()].reduce((total, { size }) => total + Number(size), 0);
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

function isAsWritten({ path, size }: HashedFile, found: ReadonlyMap<string, BigIntStats>): boolean {
  const stats = found.get(path);
  return stats?.isFile() === true && stats.size === BigInt(size);
}

function identityOf(files: readonly HashedFile[], found: ReadonlyMap<string, BigIntStats>): TreeIdentity {
  const digest = createHash('sha256');
  const devices = new Set<string>();
  let changedMs = 0;
  for (const { path } of files) {
    const stats = found.get(path);
    if (stats === undefined) continue;
    devices.add(String(stats.dev));
    changedMs = Math.max(changedMs, Number(stats.ctimeMs));
    digest.update(`${path}\0${stats.dev}:${stampOf(stats)}\0`);
  }
  const device = [...devices].sort().slice(0, DEVICES_MAX).join();
  return { device, digest: digest.digest('hex'), changedMs };
}

/** A tree lies on one file system, unless somebody has mounted another into it. */
const DEVICES_MAX = 4;

function statsIn(
  directory: string,
  prefix = '',
  found = new Map<string, BigIntStats>(),
): Map<string, BigIntStats> {
  for (const entry of readdirSync(join(directory, prefix), { withFileTypes: true })) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory()) statsIn(directory, `${path}/`, found);
    else found.set(path, lstatSync(join(directory, path), { bigint: true }));
  }
  return found;
}
