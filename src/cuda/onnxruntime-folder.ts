import { lstatSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { withFile } from './byte-source.js';
import { readCommit } from './commit.js';

const require = createRequire(import.meta.url);

/** The onnxruntime-node that this server runs on. */
export interface OnnxruntimeFolder {
  readonly version: string;
  /** Where its libraries lie, and where it looks for the CUDA provider; null where there are none for this platform. */
  readonly folder: string | null;
  /** What its library was built from; null when it does not tell. */
  readonly commit: string | null;
}

/** The two files of the CUDA provider, which ONNX Runtime looks for beside its own library. */
export const PROVIDER_FILES = [
  'libonnxruntime_providers_shared.so',
  'libonnxruntime_providers_cuda.so',
] as const;

const LIBRARY = 'libonnxruntime.so.1';

/** Finds the installed onnxruntime-node. */
export function findOnnxruntime(): OnnxruntimeFolder {
  return withCommit(locateOnnxruntime());
}

/** Finds the installed onnxruntime-node, without reading its library. */
export function locateOnnxruntime(): Omit<OnnxruntimeFolder, 'commit'> {
  const file = require.resolve('onnxruntime-node/package.json');
  return locate(dirname(file), require(file) as { version: string });
}

/** Whether somebody has put a CUDA provider beside ONNX Runtime, working or not; takes no time to tell. */
export function hasProvider({ folder }: Pick<OnnxruntimeFolder, 'folder'> = locateOnnxruntime()): boolean {
  return (
    folder !== null && lstatSync(join(folder, PROVIDER_FILES[1]), { throwIfNoEntry: false }) !== undefined
  );
}

/** Reads an onnxruntime-node at `packageFolder`. */
export function readOnnxruntime(
  packageFolder: string,
  description: { readonly version: string },
): OnnxruntimeFolder {
  return withCommit(locate(packageFolder, description));
}

function locate(
  packageFolder: string,
  { version }: { readonly version: string },
): Omit<OnnxruntimeFolder, 'commit'> {
  const bin = join(packageFolder, 'bin');
  const folders = listOrNone(bin)
    .toSorted()
    .reverse()
    .map((api) => join(bin, api, process.platform, process.arch));
  return { version, folder: folders.find((folder) => listOrNone(folder).includes(LIBRARY)) ?? null };
}

function withCommit(found: Omit<OnnxruntimeFolder, 'commit'>): OnnxruntimeFolder {
  const commit = found.folder === null ? null : withFile(join(found.folder, LIBRARY), readCommit);
  return { ...found, commit };
}

function listOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
