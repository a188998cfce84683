import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommitFinder } from './commit.js';
import type { Requirement } from './cuda-set.js';
import type { InstalledPackage } from './installation.js';
import { PROVIDER_FILES } from './onnxruntime-folder.js';
import { readZipEntries, readZipEntry, type ZipEntry } from './zip.js';

const LICENSE_BYTES_MAX = 4 << 20;
/** Of NVIDIA's libraries those that neither ONNX Runtime nor the others load. */
const NOT_NEEDED = /^lib(nvblas|cufftw|nvrtc\.alt|nvrtc-builtins\.alt|cudnn_samples)\b/;

/**
 * Unpacks the libraries of a wheel flat into `directory/lib`, and its licence texts into
 * `directory/licenses/NAME`; each file appears there whole or not at all. Throws ZipError, and what the file
 * system throws.
 */
export async function unpackWheel(
  wheel: string,
  requirement: Requirement,
  sha256: string,
  directory: string,
): Promise<InstalledPackage> {
  const lib = join(directory, 'lib');
  const licenses = join(directory, 'licenses', requirement.name);
  mkdirSync(lib, { recursive: true });
  mkdirSync(licenses, { recursive: true });
  const files: { name: string; bytes: number }[] = [];
  let commit: string | null = null;
  for (const entry of readZipEntries(wheel)) {
    const name = basename(entry.path);
    if (isLibrary(entry.path)) {
      await writeEntry(wheel, entry, join(lib, name));
      files.push({ name, bytes: entry.bytes });
    } else if (isLicense(entry)) await writeEntry(wheel, entry, join(licenses, name));
    else if (/\/capi\/libonnxruntime\.so\.[\d.]+$/.test(entry.path)) commit = await commitOf(wheel, entry);
  }
  return { ...requirement, sha256, files, commit };
}

function isLibrary(path: string): boolean {
  const name = basename(path);
  if (/^nvidia\/([^/]+\/)+lib\/lib[^/]+\.so[\d.]*$/.test(path)) return !NOT_NEEDED.test(name);
  return /^onnxruntime\/capi\//.test(path) && PROVIDER_FILES.some((file) => file === name);
}

function isLicense({ path, bytes }: ZipEntry): boolean {
  return /^(licen[cs]e|thirdpartynotices|notice)/i.test(basename(path)) && bytes <= LICENSE_BYTES_MAX;
}

async function writeEntry(wheel: string, entry: ZipEntry, path: string): Promise<void> {
  await pipeline(readZipEntry(wheel, entry), createWriteStream(`${path}.part`));
  renameSync(`${path}.part`, path);
}

async function commitOf(wheel: string, entry: ZipEntry): Promise<string | null> {
  const finder = new CommitFinder();
  const read = new Writable({
    write(chunk: Buffer, _encoding, done) {
      finder.push(chunk);
      done();
    },
  });
  await pipeline(readZipEntry(wheel, entry), read);
  return finder.end();
}
