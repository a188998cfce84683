import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';

/** A POSIX shared memory object, opened: on Linux it is a file of a memory file system. */
export interface ObjectFile {
  readonly fd: number;
  readonly byteSize: number;
}

/** Where Linux keeps the objects; null on systems where they are no files. */
export const OBJECT_FOLDER: string | null = process.platform === 'linux' ? '/dev/shm' : null;

/** Neither through a link, nor waiting for whoever has the other end of a pipe. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The name of a key's file: as `shm_open` has it, slashes in front do not count and none may follow. Null
 * for keys that name no file of the folder.
 */
export function objectName(key: string): string | null {
  const name = key.replace(/^\/+/, '');
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return null;
  return name;
}

/** Opens the object of a key to be read and written; null when there is none that this process may open. */
export function openObject(folder: string, key: string): ObjectFile | null {
  const name = objectName(key);
  if (name === null) return null;
  let fd: number;
  try {
    fd = openSync(join(folder, name), OPEN_FLAGS);
  } catch {
    return null;
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, byteSize: stat.size };
  closeSync(fd);
  return null;
}
