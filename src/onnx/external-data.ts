import { closeSync, constants, fstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { ExternalData, ExternalPlace } from './decode-context.js';
import { readBytes, reasonOf } from './file-io.js';
import { OnnxError } from './onnx-error.js';
import { plainBytes } from './plain-bytes.js';
import { RecentReads } from './recent-reads.js';

/** What a rewrite looks at again and again fits; a model of any size may pass by. */
const KEPT_BYTES_MAX = 512 << 20;

interface ExternalFile {
  readonly path: string;
  readonly bytes: number;
}

/**
 * The external data of the model at `modelPath`: they must lie in its folder, links followed. They are read
 * when a tensor's `data` is asked for, and only the latest are kept, so a model larger than memory can be
 * rewritten tensor by tensor; until then the files must stay as they are.
 */
export function externalDataBeside(modelPath: string): ExternalData {
  const folder = dirname(resolve(modelPath));
  // A model behind a link may have its data beside the link or beside itself.
  const roots = [realpathSync(folder), dirname(realpathSync(modelPath))];
  const files = new Map<string, ExternalFile>();
  const recent = new RecentReads(KEPT_BYTES_MAX);
  return (place) => {
    const { location, offset, bytes } = place;
    const file = files.get(location) ?? openable(folder, roots, location);
    files.set(location, file);
    if (offset + bytes > file.bytes) {
      throw new OnnxError(
        `the file '${location}' has ${file.bytes} bytes, and the model wants ${bytes} from ${offset} on`,
      );
    }
    const key = `${offset} ${bytes} ${location}`;
    return () => recent.get(key, () => readPlace(file, place));
  };
}

function openable(folder: string, roots: readonly string[], location: string): ExternalFile {
  if (isAbsolute(location) || location.includes('\0')) {
    throw new OnnxError(`the model keeps data in '${location}', which is not a path in its folder`);
  }
  let path: string;
  try {
    path = realpathSync(join(folder, location));
  } catch (error) {
    throw new OnnxError(`the model keeps data in the file '${location}': ${reasonOf(error)}`, {
      cause: error,
    });
  }
  if (!roots.some((root) => isInside(root, path))) {
    throw new OnnxError(`the model keeps data in '${location}', which is outside its folder`);
  }
  const stats = statSync(path);
  if (!stats.isFile()) throw new OnnxError(`the model keeps data in '${location}', which is not a file`);
  return { path, bytes: stats.size };
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function readPlace(file: ExternalFile, { location, offset, bytes }: ExternalPlace): Uint8Array {
  try {
    const descriptor = openSync(file.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (fstatSync(descriptor).size !== file.bytes)
        throw new OnnxError('it has changed since the model was read');
      return plainBytes(readBytes(descriptor, offset, bytes));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new OnnxError(`can't read ${bytes} bytes of '${location}': ${reasonOf(error)}`, { cause: error });
  }
}
