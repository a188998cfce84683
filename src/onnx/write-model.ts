import { closeSync, openSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { invariant } from '../lib/invariant.js';
import { checkModel } from './check-model.js';
import type { ExternalPlace } from './decode-context.js';
import type { Places } from './encode-graph.js';
import { encodeModelProto } from './encode-model.js';
import { ExternalWriter } from './external-writer.js';
import { reasonOf, writeBytes } from './file-io.js';
import type { OnnxModel, OnnxTensor } from './model.js';
import { OnnxError } from './onnx-error.js';
import { graphsWithin } from './subgraphs.js';
import { checkTensor } from './tensor.js';

/** Below this a reference to another file saves nothing. */
const EXTERNAL_THRESHOLD_BYTES = 1024;

export interface WriteOptions {
  /** Name of the model's file; default `model.onnx`. */
  readonly file?: string;
  /** Name of the file for large initializers; default: they stay in the model, which is less than 2 GiB then. */
  readonly externalFile?: string;
  /** Initializers of so many bytes and more go to `externalFile`; default 1024. */
  readonly externalThresholdBytes?: number;
}

export interface WrittenModel {
  readonly path: string;
  readonly bytes: number;
  /** null when nothing was large enough for a file of its own. */
  readonly externalPath: string | null;
  readonly externalBytes: number;
}

/**
 * Writes `model` to `directory`, which exists. Neither file may exist: a runtime may have mapped it. On failure
 * what was written is removed, and OnnxError thrown; a model that `checkModel` refuses is not written.
 * Blocks its thread; tensors are taken one after the other, and none is copied.
 */
export function writeModel(model: OnnxModel, directory: string, options: WriteOptions = {}): WrittenModel {
  const { file = 'model.onnx', externalFile, externalThresholdBytes } = options;
  for (const name of [file, externalFile ?? 'weights']) {
    invariant(basename(name) === name, 'a model is written to files of one folder');
  }
  checkModel(model);
  const files = new NewFiles(directory);
  try {
    let places: Places = new Map();
    let externalBytes = 0;
    if (externalFile !== undefined) {
      const writer = new ExternalWriter(externalFile, () => files.create(externalFile));
      places = moveOut(model, writer, Math.max(1, externalThresholdBytes ?? EXTERNAL_THRESHOLD_BYTES));
      externalBytes = writer.size;
    }
    const message = encodeModelProto(model, places);
    writeChunks(files.create(file), message.chunks());
    return {
      path: join(directory, file),
      bytes: message.size,
      externalPath: externalFile === undefined || externalBytes === 0 ? null : join(directory, externalFile),
      externalBytes,
    };
  } catch (error) {
    files.remove();
    if (error instanceof OnnxError) throw error;
    throw new OnnxError(`can't write the model to '${directory}': ${reasonOf(error)}`, { cause: error });
  } finally {
    files.close();
  }
}

/** Writes the large initializers of all graphs; tells where they are now. */
function moveOut(model: OnnxModel, writer: ExternalWriter, thresholdBytes: number): Places {
  const places = new Map<OnnxTensor, ExternalPlace>();
  for (const graph of graphsWithin(model.graph)) {
    for (const tensor of graph.initializers) {
      const { data } = tensor;
      checkTensor(tensor, data);
      if (data.length >= thresholdBytes) places.set(tensor, writer.write(data));
    }
  }
  return places;
}

function writeChunks(descriptor: number, chunks: readonly Uint8Array[]): void {
  let offset = 0;
  for (const chunk of chunks) {
    writeBytes(descriptor, chunk, offset);
    offset += chunk.length;
  }
}

/** Files that did not exist before. */
class NewFiles {
  readonly #directory: string;
  readonly #paths: string[] = [];
  readonly #descriptors: number[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  create(name: string): number {
    const path = join(this.#directory, name);
    const descriptor = openSync(path, 'wx');
    this.#paths.push(path);
    this.#descriptors.push(descriptor);
    return descriptor;
  }

  remove(): void {
    for (const path of this.#paths) {
      try {
        rmSync(path, { force: true });
      } catch {
        // What keeps it from being removed says less than what went wrong before.
      }
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
  }
}
