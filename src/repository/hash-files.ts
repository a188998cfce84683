import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorCode, readFailure } from './fs-errors.js';
import { type FoundFile, type Part, stampOf } from './walk.js';

/** A file by its content. */
export interface HashedFile {
  /** Relative to the folder of its part, with `/`. */
  readonly path: string;
  readonly size: number;
  /** SHA-256 in hexadecimal digits. */
  readonly hash: string;
}

/** The files are not any more as they were found. */
export class SourceChangedError extends Error {
  override readonly name = 'SourceChangedError';
}

/** A copy can't be written; the text says why, for people. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
}

/** Read and written at a time; other work of the thread comes in between. */
const CHUNK_BYTES = 1 << 20;

/** What all files of a part are read with. */
interface Means {
  readonly chunk: Buffer;
  readonly signal: AbortSignal | undefined;
}

/** Below this sharing blocks gains nothing. */
const CLONE_BYTES_MIN = 1 << 20;

/**
 * Reads all files of a part and tells their hashes, by path. With a `target`, a folder that nobody else
 * looks at, they are copied there, and the hashes are those of the copies: what is in them was hashed,
 * whatever happens to the source. Nobody may write to a copy; it can be removed, as folders stay writable.
 * Rejects with {@link SourceChangedError}, with {@link CacheError}, with an Error for people when a file
 * can't be read, or with the reason of `signal` soon after it was aborted.
 */
export async function hashFiles(
  part: Pick<Part, 'directory' | 'files'>,
  target: string | null,
  signal?: AbortSignal,
): Promise<HashedFile[]> {
  const hashed: HashedFile[] = [];
  const largest = part.files.reduce((size, file) => Math.max(size, file.size), 0);
  // One byte more than a small file has, to see that it ends there.
  const means: Means = { chunk: Buffer.allocUnsafe(Math.min(CHUNK_BYTES, largest + 1)), signal };
  const made = new Set<string>(['.']);
  for (const file of part.files) {
    const source = join(part.directory, file.path);
    const copy = target === null ? null : join(target, file.path);
    const folder = dirname(file.path);
    if (copy !== null && !made.has(folder)) {
      writing(copy, () => mkdirSync(dirname(copy), { recursive: true }));
      made.add(folder);
    }
    const hash = await hashFile(source, file, copy, means);
    hashed.push({ path: file.path, size: file.size, hash });
  }
  return hashed;
}

/** SHA-256 over paths and contents, in hexadecimal digits. */
export function hashOfAll(files: readonly HashedFile[]): string {
  const hash = createHash('sha256');
  for (const { path, hash: content } of files) hash.update(`${path}\0${content}\0`);
  return hash.digest('hex');
}

async function hashFile(source: string, file: FoundFile, copy: string | null, means: Means): Promise<string> {
  const input = openAsFound(source, file);
  try {
    if (copy !== null && file.size >= CLONE_BYTES_MIN && clone(source, copy))
      return await hashClone(copy, file, means);
    return await pump(input, copy, file, means);
  } finally {
    closeSync(input);
  }
}

function openAsFound(source: string, file: FoundFile): number {
  // Non-blocking: a pipe that took the file's place must not hold up the thread for ever.
  const input = reading(file.path, () => openSync(source, constants.O_RDONLY | constants.O_NONBLOCK));
  if (stampOf(fstatSync(input, { bigint: true })) === file.stamp) return input;
  closeSync(input);
  throw new SourceChangedError(file.path);
}

async function hashClone(copy: string, file: FoundFile, means: Means): Promise<string> {
  const input = writing(copy, () => openSync(copy, constants.O_RDONLY));
  try {
    const hash = await pump(input, null, file, means);
    writing(copy, () => fchmodSync(input, 0o444));
    return hash;
  } finally {
    closeSync(input);
  }
}

/** Copies a file to its end, which must come where it was when the file was found; `copy` null = reads only. */
async function pump(input: number, copy: string | null, file: FoundFile, means: Means): Promise<string> {
  if (copy === null) return digest(input, file, means, () => {});
  const output = writing(copy, () => openSync(copy, 'wx', 0o600));
  let hash: string;
  try {
    hash = await digest(input, file, means, (bytes) => writing(copy, () => writeAll(output, bytes)));
    writing(copy, () => fchmodSync(output, 0o444));
  } catch (error) {
    closeSync(output);
    throw error;
  }
  // Some file systems tell only now that there was no space.
  writing(copy, () => closeSync(output));
  return hash;
}

async function digest(
  input: number,
  file: FoundFile,
  { chunk, signal }: Means,
  take: (bytes: Buffer) => void,
): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  for (;;) {
    signal?.throwIfAborted();
    const bytes = reading(file.path, () => readSync(input, chunk));
    if (bytes === 0) break;
    size += bytes;
    if (size > file.size) throw new SourceChangedError(file.path);
    hash.update(chunk.subarray(0, bytes));
    take(chunk.subarray(0, bytes));
    if (bytes === CHUNK_BYTES) await nextTurn();
  }
  if (size !== file.size) throw new SourceChangedError(file.path);
  return hash.digest('hex');
}

function writeAll(output: number, bytes: Buffer): void {
  let offset = 0;
  while (offset < bytes.byteLength) offset += writeSync(output, bytes, offset);
}

/** Shares the blocks of the source where the file system can, which costs neither time nor space. */
function clone(source: string, copy: string): boolean {
  try {
    copyFileSync(source, copy, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    chmodSync(copy, 0o600);
    return true;
  } catch {
    return false;
  }
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESTALE'].includes(errorCode(error))) throw new SourceChangedError(path);
    throw new Error(`can't read '${path}': ${readFailure(error)}`, { cause: error });
  }
}

const WRITE_REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on its device',
  EDQUOT: 'its quota is used up',
  EROFS: 'its file system is read-only',
  EACCES: 'this process may not write to it',
  EPERM: 'this process may not write to it',
  ENOTDIR: 'it is not a folder',
  EEXIST: 'it is not a folder',
};

/** Does something to the cache. Throws {@link CacheError}. */
export function writing<T>(path: string | null, write: () => T): T {
  try {
    return write();
  } catch (error) {
    const code = errorCode(error);
    const reason = WRITE_REASONS[code] ?? (error instanceof Error ? error.message : String(error));
    throw new CacheError(reason, { cause: { path, error } });
  }
}
