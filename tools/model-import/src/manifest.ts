import { readFileSync, writeFileSync } from 'node:fs';
import { MANIFEST_FILE } from './paths.ts';

/** What is known of a committed model file. */
export interface ManifestEntry {
  readonly bytes: number;
  readonly sha256: string;
}

/** By the path of the file in the model repository. */
export type Manifest = Readonly<Record<string, ManifestEntry>>;

export function readManifest(): Manifest {
  return JSON.parse(readFileSync(MANIFEST_FILE, 'utf8'));
}

export function writeManifest(manifest: Manifest): void {
  writeFileSync(MANIFEST_FILE, `${JSON.stringify(manifest, null, 2)}\n`);
}
