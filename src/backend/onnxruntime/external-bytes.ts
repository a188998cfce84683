import { constants } from 'node:buffer';
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeModel } from '../../onnx/decode-model.js';
import { readBytes } from '../../onnx/file-io.js';
import { LIMITS } from '../../settings/limits.js';

/** A file of external data as ORT takes it in place of mapping it. */
export interface ExternalBytes {
  /** As the model names it, relative to its own folder. */
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * The external data of a model, read: ORT would map the files, and to cut off a mapped file ends the process.
 * Nothing where there is no other file beside the model. What can't be read is left out: ORT says why. Blocks
 * its thread.
 */
export function externalBytes(modelFile: string): ExternalBytes[] {
  const folder = dirname(modelFile);
  const beside = namesBeside(folder, modelFile);
  if (beside.length === 0) return [];
  return (locationsIn(modelFile) ?? beside).flatMap((path) => {
    const data = read(join(folder, path));
    return data === null ? [] : [{ path, data }];
  });
}

function namesBeside(folder: string, modelFile: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name !== basename(modelFile))
      .slice(0, LIMITS.modelFilesMax);
  } catch {
    return [];
  }
}

/** The files that a model names; null when that can't be told. */
function locationsIn(modelFile: string): string[] | null {
  const bytes = read(modelFile);
  if (bytes === null) return null;
  const locations = new Set<string>();
  try {
    decodeModel(bytes, {
      externalData: ({ location }) => {
        locations.add(location);
        return () => new Uint8Array();
      },
    });
    return [...locations];
  } catch {
    return null;
  }
}

/** null for what is no file, is empty, or has more bytes than a buffer can have. */
function read(path: string): Uint8Array | null {
  try {
    const file = openSync(path, 'r');
    try {
      const stats = fstatSync(file);
      if (!stats.isFile() || stats.size === 0 || stats.size > constants.MAX_LENGTH) return null;
      return readBytes(file, 0, stats.size);
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}
