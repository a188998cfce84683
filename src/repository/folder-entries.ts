import { type Dirent, opendirSync, readdirSync, statSync } from 'node:fs';

/** Folders of this size have more than some ten thousand names on common file systems. */
const LARGE_BYTES = 1 << 20;

/**
 * What lies in a folder. Of a large one no more is read than the caller takes, which makes three times as
 * many system calls. Throws the system's error.
 */
export function* folderEntries(directory: string): Generator<Dirent> {
  if (statSync(directory).size < LARGE_BYTES) {
    yield* readdirSync(directory, { withFileTypes: true });
    return;
  }
  const folder = opendirSync(directory);
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) yield entry;
  } finally {
    folder.closeSync();
  }
}
