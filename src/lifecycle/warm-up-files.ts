import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { inputErrors, requestPrefix } from '../errors/catalogue.js';
import { ServingError } from '../errors/serving-error.js';
import { BACKENDS } from '../model-config/backend-traits.js';
import type { ModelSpec, WarmupInput } from '../model-config/model-spec.js';
import { warmUpErrors } from '../model-config/warm-up-errors.js';
import { readFailure, systemReason } from '../repository/fs-errors.js';
import { isInside } from '../repository/paths.js';
import { LIMITS } from '../settings/limits.js';
import { walkBytes } from '../tensor/bytes.js';
import { BYTE_SIZES } from '../tensor/datatype.js';
import { elementCount } from '../tensor/shape.js';
import { isText } from '../tensor/text.js';

/** Where Triton looks for data files, in the model's folder. */
const FOLDER = 'warmup';

/** Reads the data files of one model, which together stay within a bound. */
export class WarmUpFiles {
  readonly #spec: ModelSpec;
  readonly #directory: string;
  readonly #origin: string;
  #bytesLeft: number = LIMITS.warmUpBytesMax;

  /** Both are the model's folder: where it can be read, and where it lies for people. */
  constructor(spec: ModelSpec, directory: string, origin: string) {
    this.#spec = spec;
    this.#directory = directory;
    this.#origin = origin;
  }

  /**
   * One row of an input. What a file holds beyond that is not read, unless it is BYTES. Rejects with
   * ServingError: INTERNAL when the file can't be read or lies outside the model's folder, links included;
   * INVALID_ARGUMENT when it does not hold such a row.
   */
  async readRow(input: WarmupInput, file: string): Promise<Uint8Array> {
    const { datatype, dims } = input;
    const isBytes = datatype === 'BYTES';
    const wanted = isBytes ? Number.POSITIVE_INFINITY : elementCount(dims) * BYTE_SIZES[datatype];
    const { data, size } = await this.#read(file, wanted);
    this.#bytesLeft -= data.length;
    if (isBytes) this.#checkElements(input, data);
    else if (data.length < wanted) throw warmUpErrors.fileTooShort(file, wanted, size);
    return data;
  }

  async #read(file: string, bytesWanted: number): Promise<{ data: Uint8Array; size: number }> {
    try {
      const handle = await openInside(this.#directory, join(this.#directory, FOLDER, file));
      try {
        const { size } = await handle.stat();
        const bytes = Math.min(size, bytesWanted);
        if (bytes > this.#bytesLeft) {
          throw warmUpErrors.filesTooLarge(this.#spec.name, LIMITS.warmUpBytesMax);
        }
        return { data: await readStart(handle, bytes), size };
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof ServingError) throw error;
      throw warmUpErrors.file(join(this.#origin, FOLDER, file), systemReason(error) || readFailure(error));
    }
  }

  /** Against what a request with BYTES is held against. */
  #checkElements({ name: input, dims }: WarmupInput, data: Uint8Array): void {
    const { name: model, backend } = this.#spec;
    const prefix = requestPrefix('');
    const elements = elementCount(dims);
    const mustBeText = BACKENDS.get(backend)?.bytesMustBeText ?? false;
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
}

async function openInside(directory: string, target: string): Promise<FileHandle> {
  if (!isInside(directory, target)) throw new Error('it lies outside the folder of the model');
  const found = await stat(target);
  // Links, too, must stay inside: a configuration may come from a client.
  if (!isInside(await realpath(directory), await realpath(target))) {
    throw new Error('it leads outside the folder of the model');
  }
  if (found.isDirectory()) throw new Error('Is a directory');
  // Opening a pipe would wait for someone to write to it.
  if (!found.isFile()) throw new Error('it is not a plain file');
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
