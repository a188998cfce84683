import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** Paths that are opened to be read, by what is built too, while something is done. */
export async function openedDuring(work: () => Promise<unknown>): Promise<string[]> {
  const { openSync } = fs;
  const opened: string[] = [];
  fs.openSync = (path, flags, mode) => {
    opened.push(String(path));
    return openSync(path, flags, mode);
  };
  syncBuiltinESMExports();
  try {
    await work();
  } finally {
    fs.openSync = openSync;
    syncBuiltinESMExports();
  }
  return opened;
}
