import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { withFile } from './byte-source.js';
import { readCommit } from './commit.js';

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
  const file = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  return readOnnxruntime(dirname(file), createRequire(import.meta.url)(file) as { version: string });
}

/** Reads an onnxruntime-node at `packageFolder`. */
export function readOnnxruntime(
  packageFolder: string,
  { version }: { readonly version: string },
): OnnxruntimeFolder {
  const bin = join(packageFolder, 'bin');
  for (const api of listOrNone(bin).toSorted().reverse()) {
    const folder = join(bin, api, process.platform, process.arch);
    if (!listOrNone(folder).includes(LIBRARY)) continue;
    return { version, folder, commit: withFile(join(folder, LIBRARY), readCommit) };
  }
  return { version, folder: null, commit: null };
}

function listOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
