import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type CudaSet, providerPackage, type Requirement } from './cuda-set.js';
import { PROVIDER_FILES } from './onnxruntime-folder.js';

/** What was unpacked of one wheel, as it is kept in `packages/NAME.json`. */
export interface InstalledPackage extends Requirement {
  /** Of the wheel. */
  readonly sha256: string;
  /** In `lib/`. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Of the provider's package: what it was built from; null for others. */
  readonly commit: string | null;
}

/** The libraries for one version of ONNX Runtime: `lib/`, `licenses/`, `packages/` and, while they come, `wheels/`. */
export interface Installation {
  readonly directory: string;
  readonly packages: readonly InstalledPackage[];
}

const NAME = /^onnxruntime-\d+\.\d+\.\d+-cuda\d+$/;

/** The folder of an installation in the folder that holds them all. */
export function installationFolder(root: string, onnxruntimeVersion: string, set: CudaSet): string {
  return join(root, `onnxruntime-${onnxruntimeVersion}-${set.id}`);
}

/** All that lies in `root`, whole or not. */
export function listInstallations(root: string): Installation[] {
  return listOrNone(root)
    .filter((name) => NAME.test(name))
    .map((name) => readInstallation(join(root, name)));
}

/** What is whole of an installation: a package counts when all of its files are there. */
export function readInstallation(directory: string): Installation {
  const folder = join(directory, 'packages');
  const packages = listOrNone(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .flatMap((name) => {
      const read = readPackage(join(folder, name));
      const whole = read?.files.every((file) => sizeOf(join(directory, 'lib', file.name)) === file.bytes);
      return read === null || whole !== true ? [] : [read];
    });
  return { directory, packages };
}

/** Notes that a package is whole; call it when its files are in place. */
export function notePackage(directory: string, installed: InstalledPackage): void {
  const folder = join(directory, 'packages');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${installed.name}.json`);
  writeFileSync(`${path}.part`, `${JSON.stringify(installed, null, 2)}\n`);
  renameSync(`${path}.part`, path);
}

/** What of the set and the provider is not there, or of another version. */
export function missingPackages(
  { packages }: Installation,
  set: CudaSet,
  onnxruntimeVersion: string,
): Requirement[] {
  return [providerPackage(onnxruntimeVersion), ...set.packages].filter(
    ({ name, version }) => !packages.some((each) => each.name === name && each.version === version),
  );
}

/** The installation whose provider is linked beside ONNX Runtime's library; null when there is none. */
export function linkedInstallation(onnxruntimeFolder: string): Installation | null {
  const target = linkTarget(join(onnxruntimeFolder, PROVIDER_FILES[1]));
  if (target === null) return null;
  const directory = dirname(dirname(target));
  return existsSync(join(directory, 'packages')) ? readInstallation(directory) : null;
}

/**
 * Links the provider's files beside ONNX Runtime's library. Throws what the file system throws, and an Error
 * when files that nobody linked are in the way.
 */
export function linkProvider({ directory }: Installation, onnxruntimeFolder: string): void {
  for (const name of PROVIDER_FILES) {
    const link = join(onnxruntimeFolder, name);
    const target = join(directory, 'lib', name);
    if (linkTarget(link) === target) continue;
    if (linkTarget(link) === null && lstatSync(link, { throwIfNoEntry: false }) !== undefined)
      throw new Error(
        `'${link}' is there already and was not linked by 'naiad cuda install'; remove it first`,
      );
    rmSync(`${link}.new`, { force: true });
    symlinkSync(target, `${link}.new`);
    renameSync(`${link}.new`, link);
  }
}

/** Removes the links that lead into one of these folders; the names of those that were there. */
export function unlinkProvider(onnxruntimeFolder: string, directories: readonly string[]): string[] {
  return PROVIDER_FILES.filter((name) => {
    const link = join(onnxruntimeFolder, name);
    const target = linkTarget(link);
    if (target === null || !directories.includes(dirname(dirname(target)))) return false;
    rmSync(link);
    return true;
  });
}

/** Bytes on disk of all files of an installation, also of what has only partly come. */
export function bytesOf({ directory }: Installation): number {
  return ['lib', 'wheels']
    .flatMap((part) => listOrNone(join(directory, part)).map((name) => join(directory, part, name)))
    .reduce((sum, path) => sum + (sizeOf(path) ?? 0), 0);
}

function readPackage(path: string): InstalledPackage | null {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as InstalledPackage;
    return Array.isArray(read.files) && typeof read.name === 'string' ? read : null;
  } catch {
    return null;
  }
}

function linkTarget(link: string): string | null {
  try {
    return resolve(dirname(link), readlinkSync(link));
  } catch {
    return null;
  }
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

function listOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
