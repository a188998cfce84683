import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { sameCommit } from './commit.js';
import { type CudaSet, cudaSetFor, type Requirement } from './cuda-set.js';
import { download, fetchText, sha256Of } from './download.js';
import { InstallError } from './install-error.js';
import { withInstallLock } from './install-lock.js';
import {
  type Installation,
  installationFolder,
  linkProvider,
  missingPackages,
  notePackage,
  readInstallation,
} from './installation.js';
import type { OnnxruntimeFolder } from './onnxruntime-folder.js';
import { type Credentials, chooseWheel, INDEX_ACCEPT, pageUrl, parseIndexPage } from './package-index.js';
import { unpackWheel } from './unpack-wheel.js';
import type { WheelPlatform } from './wheel-name.js';

/** Where wheels come from. */
export type WheelSource =
  | {
      readonly kind: 'index';
      readonly url: string;
      /** For its own pages and files; null where it wants none. */
      readonly credentials: Credentials | null;
    }
  | { readonly kind: 'folder'; readonly path: string };

/** What happens, for whoever watches. */
export type InstallStep =
  | { readonly kind: 'kept' | 'unpacking' | 'done'; readonly requirement: Requirement }
  | {
      readonly kind: 'downloading';
      readonly requirement: Requirement;
      readonly done: number;
      readonly total: number | null;
    }
  | { readonly kind: 'retry'; readonly requirement: Requirement; readonly reason: string };

export interface InstallOptions {
  /** The folder of all installations. */
  readonly root: string;
  readonly source: WheelSource;
  readonly onnxruntime: OnnxruntimeFolder;
  readonly platform: WheelPlatform;
  readonly clock: Clock;
  onStep?(step: InstallStep): void;
  /** Bytes that can still be written below a folder. */
  readonly freeBytes?: (folder: string) => number;
  /** For tests: what one wait between two attempts begins with. */
  readonly firstWaitNs?: number;
}

const PAGE_BYTES_MAX = 32 << 20;

/**
 * Brings the CUDA provider of the installed onnxruntime-node and the libraries it needs, and links the provider
 * beside it. What is there already is kept, what was broken off goes on. Throws {@link InstallError},
 * DownloadError and ZipError.
 */
export async function installCuda(options: InstallOptions): Promise<Installation> {
  const { onnxruntime, root } = options;
  const { version, folder } = onnxruntime;
  if (folder === null) throw new InstallError('onnxruntime-node has no libraries for this platform');
  const set = cudaSetFor(version);
  const directory = installationFolder(root, version, set);
  return withInstallLock(directory, async () => {
    await installMissing(directory, set, options);
    const installation = readInstallation(directory);
    checkBuild(installation, onnxruntime);
    link(installation, folder);
    return installation;
  });
}

async function installMissing(directory: string, set: CudaSet, options: InstallOptions): Promise<void> {
  const before = readInstallation(directory);
  const missing = missingPackages(before, set, options.onnxruntime.version);
  for (const requirement of before.packages) options.onStep?.({ kind: 'kept', requirement });
  if (missing.length === set.packages.length + 1)
    checkRoom(directory, set.downloadBytes + set.unpackedBytes, options.freeBytes ?? freeBytes);
  for (const requirement of missing) await installPackage(requirement, directory, options);
  rmSync(join(directory, 'wheels'), { recursive: true, force: true });
}

function link(installation: Installation, folder: string): void {
  try {
    linkProvider(installation, folder);
  } catch (error) {
    throw new InstallError(
      `the provider can not be linked into '${folder}': ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

async function installPackage(
  requirement: Requirement,
  directory: string,
  options: InstallOptions,
): Promise<void> {
  const wheel = await fetchWheel(requirement, directory, options);
  options.onStep?.({ kind: 'unpacking', requirement });
  const installed = await unpackWheel(wheel.path, requirement, wheel.sha256, directory);
  if (installed.files.length === 0)
    throw new InstallError(`'${basename(wheel.path)}' holds none of the libraries that were looked for`);
  notePackage(directory, installed);
  if (wheel.ours) rmSync(wheel.path);
  options.onStep?.({ kind: 'done', requirement });
}

async function fetchWheel(
  requirement: Requirement,
  directory: string,
  { source, platform, clock, onStep, firstWaitNs }: InstallOptions,
): Promise<{ path: string; sha256: string; ours: boolean }> {
  if (source.kind === 'folder') {
    const path = findWheel(source.path, requirement, platform);
    return { path, sha256: await sha256Of(path), ours: false };
  }
  const page = await fetchText(pageUrl(source.url, requirement.name), INDEX_ACCEPT, {
    clock,
    credentials: source.credentials,
    bytesMax: PAGE_BYTES_MAX,
  });
  const files = parseIndexPage(page.text, page.contentType, page.url);
  const file = chooseWheel(files, requirement, platform);
  if (file === null) throw new InstallError(`${source.url} has no ${wordsOf(requirement, platform)}`);
  if (file.sha256 === null)
    throw new InstallError(`${source.url} does not tell the sha256 of ${file.filename}`);
  const wheels = join(directory, 'wheels');
  mkdirSync(wheels, { recursive: true });
  const path = join(wheels, file.filename);
  await download(
    { url: file.url, path, sha256: file.sha256 },
    {
      clock,
      credentials: source.credentials,
      onProgress: (done, total) => onStep?.({ kind: 'downloading', requirement, done, total }),
      onRetry: (reason) => onStep?.({ kind: 'retry', requirement, reason }),
      ...(firstWaitNs === undefined ? {} : { firstWaitNs }),
    },
  );
  return { path, sha256: file.sha256, ours: true };
}

function findWheel(folder: string, requirement: Requirement, platform: WheelPlatform): string {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new InstallError(`'${folder}' can not be read`, { cause: error });
  }
  const files = names.map((filename) => ({ filename, url: '', sha256: null, yanked: false }));
  const found = chooseWheel(files, requirement, platform);
  if (found === null) throw new InstallError(`'${folder}' has no ${wordsOf(requirement, platform)}`);
  return join(folder, found.filename);
}

function wordsOf({ name, version }: Requirement, { machine, glibc }: WheelPlatform): string {
  return `wheel of ${name} ${version} for Linux on ${machine} with glibc ${glibc}`;
}

/** ONNX Runtime would load a provider of another build without a word, and fail in ways that tell nothing. */
function checkBuild({ packages }: Installation, { version, commit }: OnnxruntimeFolder): void {
  const built = packages.find(({ name }) => name === 'onnxruntime-gpu')?.commit ?? null;
  if (commit !== null && built !== null && sameCommit(commit, built)) return;
  throw new InstallError(
    `the provider of onnxruntime-gpu ${version} is built from commit ${built ?? 'unknown'}, onnxruntime-node from ${commit ?? 'unknown'}; it was not linked`,
  );
}

function checkRoom(directory: string, bytes: number, measure: (folder: string) => number): void {
  const free = measure(directory);
  if (free < bytes)
    throw new InstallError(
      `'${directory}' has ${gigabytes(free)} GB free, and up to ${gigabytes(bytes)} GB are needed while it is installed`,
    );
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}

/** This machine as wheels' tags name it; null where NVIDIA's wheels do not run. */
export function wheelPlatform(): WheelPlatform | null {
  const report: unknown = process.report.getReport();
  const header = isRecord(report) && isRecord(report.header) ? report.header : {};
  const glibc = header.glibcVersionRuntime;
  return process.platform === 'linux' && process.arch === 'x64' && typeof glibc === 'string'
    ? { machine: 'x86_64', glibc }
    : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
