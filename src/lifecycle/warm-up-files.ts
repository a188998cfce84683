import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputErrors, requestPrefix } from '../errors/catalogue.js';
import { ServingError } from '../errors/serving-error.js';
import { warmUpErrors } from '../model-config/warm-up-errors.js';
import { errorCode, readFailure } from '../repository/fs-errors.js';
import { isInside } from '../repository/paths.js';
import { walkBytes } from '../tensor/bytes.js';
import { isText } from '../tensor/text.js';

/** Where Triton looks for data files, in the model's folder. */
const FOLDER = 'warmup';

/** The model's folder: where it can be read, and where it lies for people. Absolute paths. */
export interface WarmUpFolder {
  readonly directory: string;
  readonly origin: string;
}

/**
 * The first `bytesWanted` bytes of a data file, or fewer if it has no more. Rejects with ServingError:
 * INTERNAL when it can't be read or lies outside the model's folder, links included; what `tooLarge` makes
 * when it would be more than `bytesMax`.
 */
export async function readDataFile(
  { directory, origin }: WarmUpFolder,
  file: string,
  bytesWanted: number,
  { bytesMax, tooLarge }: { readonly bytesMax: number; readonly tooLarge: () => ServingError },
): Promise<{ readonly data: Uint8Array; readonly size: number }> {
  try {
    const handle = await openInside(directory, join(directory, FOLDER, file));
    try {
      const { size } = await handle.stat();
      const bytes = Math.min(size, bytesWanted);
      if (bytes > bytesMax) throw tooLarge();
      return { data: await readStart(handle, bytes), size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ServingError) throw error;
    throw warmUpErrors.file(join(origin, FOLDER, file), reasonOf(error));
  }
}

/** Holds BYTES against what a request with them is held against. Throws INVALID_ARGUMENT. */
export function checkTexts(
  {
    model,
    input,
    mustBeText,
  }: { readonly model: string; readonly input: string; readonly mustBeText: boolean },
  data: Uint8Array,
  elements: number,
): void {
  const prefix = requestPrefix('');
  const walk = walkBytes(data, elements, mustBeText ? (start, end) => isText(data, start, end) : null);
  switch (walk.kind) {
    case 'complete':
      if (walk.elements === elements) return;
      throw inputErrors.bytesMissing(prefix, model, input, elements, walk.elements);
    case 'prefix-cut':
      throw inputErrors.bytesPrefix(prefix, model, input, walk.available);
    case 'element-cut':
      throw inputErrors.bytesTruncated(input, walk.length, walk.available);
    case 'surplus':
      throw inputErrors.bytesSurplus(prefix, model, input, walk.elements, elements);
    case 'refused':
      throw inputErrors.bytesNotText(prefix, model, input, walk.element);
  }
}

/** Never waits for a writer, as opening a pipe would. */
async function openInside(directory: string, target: string): Promise<FileHandle> {
  if (!isInside(directory, target)) throw new Error('it lies outside the folder of the model');
  const found = await stat(target);
  // A configuration may come from a client.
  if (!isInside(await realpath(directory), await realpath(target))) {
    throw new Error('it leads outside the folder of the model');
  }
  if (!found.isFile()) throw new Error(found.isDirectory() ? 'Is a directory' : 'it is not a plain file');
  return open(target);
}

async function readStart(file: FileHandle, bytes: number): Promise<Uint8Array> {
  const data = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(data, filled, bytes - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === bytes ? data : data.subarray(0, filled);
}

/** As the C library says it, since Triton does. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
};

function reasonOf(error: unknown): string {
  return REASONS[errorCode(error)] ?? readFailure(error);
}
