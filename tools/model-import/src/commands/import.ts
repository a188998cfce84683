/** Writes the model files into the model repository, and their hashes into the manifest. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { sha256 } from '../bytes.ts';
import { type ManifestEntry, writeManifest } from '../manifest.ts';
import { MODELS } from '../models.ts';
import { MODEL_REPOSITORY } from '../paths.ts';

const manifest: Record<string, ManifestEntry> = {};
for (const model of MODELS) {
  const bytes = await model.build();
  const file = path.join(MODEL_REPOSITORY, model.path);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  manifest[model.path] = { bytes: bytes.length, sha256: sha256(bytes) };
  console.log(`${model.path}  ${bytes.length} bytes`);
}
writeManifest(manifest);
