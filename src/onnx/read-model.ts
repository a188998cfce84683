import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type DecodeOptions, decodeModel } from './decode-model.js';
import { MODEL_BYTES_MAX } from './encode-model.js';
import { externalDataBeside } from './external-data.js';
import { readBytes, reasonOf } from './file-io.js';
import type { OnnxModel } from './model.js';
import { OnnxError } from './onnx-error.js';

/**
 * Reads the .onnx file at `path`. What it keeps in other files is checked now and read when it is asked for,
 * see `externalDataBeside`. Blocks its thread. Throws OnnxError with the reason.
 */
export function readModel(path: string, options: Omit<DecodeOptions, 'externalData'> = {}): OnnxModel {
  const file = readModelFile(path);
  return decodeModel(file, { ...options, externalData: externalDataBeside(path) });
}

function readModelFile(path: string): Uint8Array {
  try {
    // A pipe would wait for its writer otherwise.
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new OnnxError('it is not a file');
      if (stats.size > MODEL_BYTES_MAX) {
        throw new OnnxError(
          `it has ${stats.size} bytes; beyond ${MODEL_BYTES_MAX} ONNX keeps weights in a file beside the model`,
        );
      }
      return readBytes(descriptor, 0, stats.size);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new OnnxError(`can't read '${path}': ${reasonOf(error)}`, { cause: error });
  }
}
