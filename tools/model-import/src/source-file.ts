import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { sha256 } from './bytes.ts';

/** A file inside an npm package, pinned by its hash: the version says which one is meant, the hash that it is that one. */
export interface SourceFile {
  readonly packageName: string;
  readonly path: string;
  readonly sha256: string;
}

const require = createRequire(import.meta.url);

/** Reads a source file. Throws when it is missing or is not byte for byte the file that the converters were checked with. */
export function readSourceFile(source: SourceFile): Uint8Array {
  return readChecked(source).bytes;
}

/** Where a source file lies. Throws as `readSourceFile` does. */
export function sourcePath(source: SourceFile): string {
  return readChecked(source).file;
}

function readChecked(source: SourceFile): { readonly file: string; readonly bytes: Uint8Array } {
  const root = path.dirname(require.resolve(`${source.packageName}/package.json`));
  const file = path.join(root, source.path);
  const bytes = readFileSync(file);
  const found = sha256(bytes);
  if (found !== source.sha256) {
    throw new Error(
      `${source.packageName}/${source.path} is not the file these converters were checked with:\n` +
        `  expected sha256 ${source.sha256}\n  found    sha256 ${found}\n` +
        'Run "npm ci" to get the pinned version back. After a deliberate update, check the nets again and pin the new hash in src/sources.ts.',
    );
  }
  return { file, bytes };
}

export function readSourceText(source: SourceFile): string {
  return new TextDecoder().decode(readSourceFile(source));
}
