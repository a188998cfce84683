import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What a file of samples holds, by its extension. */
export type SampleFormat = 'picture' | 'npy' | 'npz' | 'raw' | 'recorded';

export interface SampleFile {
  /** Relative to the folder, with `/`. */
  readonly path: string;
  readonly format: SampleFormat;
}

const FORMATS: Readonly<Record<string, SampleFormat>> = {
  '.jpg': 'picture',
  '.jpeg': 'picture',
  '.png': 'picture',
  '.webp': 'picture',
  '.gif': 'picture',
  '.tif': 'picture',
  '.tiff': 'picture',
  '.avif': 'picture',
  '.npy': 'npy',
  '.npz': 'npz',
  '.raw': 'raw',
  '.bin': 'raw',
  '.sample': 'recorded',
};

/** Folders of classes within folders of sets; deeper ones hold something else. */
const DEPTH_MAX = 4;
const ENTRIES_MAX = 262_144;

/**
 * The files of a folder that samples are made of: `max` at most, evenly chosen of all by their paths, so
 * that each subfolder has its share. Throws Error for people when the folder can't be read.
 */
export function chooseSampleFiles(folder: string, max: number): SampleFile[] {
  const files = listFiles(folder).sort((a, b) => (a.path < b.path ? -1 : 1));
  if (files.length <= max) return files;
  return Array.from(
    { length: max },
    (_, index) => files[Math.floor((index * files.length) / max)] as SampleFile,
  );
}

/** SHA-256 over the paths and contents of the chosen files, in hexadecimal digits. Rejects like reading them. */
export async function hashSampleFiles(folder: string, files: readonly SampleFile[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { path } of files) {
    const content = createHash('sha256')
      .update(readFileSync(join(folder, path)))
      .digest('hex');
    hash.update(`${path}\0${content}\0`);
    await nextTurn();
  }
  return hash.digest('hex');
}

function listFiles(folder: string): SampleFile[] {
  const files: SampleFile[] = [];
  let entries = 0;
  const walk = (prefix: string, depth: number): void => {
    for (const name of readdirSync(join(folder, prefix)).sort()) {
      if (name.startsWith('.') || ++entries > ENTRIES_MAX) continue;
      const path = `${prefix}${name}`;
      if (statSync(join(folder, path)).isDirectory()) {
        if (depth < DEPTH_MAX) walk(`${path}/`, depth + 1);
        continue;
      }
      const format = FORMATS[extname(name).toLowerCase()];
      if (format !== undefined) files.push({ path, format });
    }
  };
  try {
    walk('', 1);
  } catch (error) {
    throw new Error(`can't read the folder of samples '${folder}': ${reasonOf(error)}`, { cause: error });
  }
  return files;
}

/** Without the system call and the path, which is said already. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'it does not exist';
    case 'ENOTDIR':
      return 'it is no folder';
    default:
      return error.message;
  }
}
