import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cudaSetFor } from '../../cuda/cuda-set.js';
import {
  bytesOf,
  type Installation,
  linkedInstallation,
  listInstallations,
  missingPackages,
  unlinkProvider,
} from '../../cuda/installation.js';
import { findOnnxruntime, type OnnxruntimeFolder } from '../../cuda/onnxruntime-folder.js';
import { didYouMean } from '../../lib/did-you-mean.js';
import { readEnvironment } from '../../settings/environment.js';
import type { ParsedFlags } from '../../settings/parse-flags.js';
import { readFlags } from '../command.js';
import { EXIT, UsageError } from '../exit-codes.js';
import type { Io } from '../io.js';
import { formatTable } from '../table.js';
import { CUDA_FLAGS } from './flags.js';
import { install } from './install.js';

const VERBS = ['status', 'install', 'remove'] as const;

/** `naiad cuda status|install|remove`: what models need to run on GPUs. */
export async function cuda(argv: readonly string[], io: Io): Promise<number> {
  const flags = readFlags(argv, Object.values(CUDA_FLAGS));
  const verb = readVerb(flags);
  const root = readRoot(flags);
  const onnxruntime = findOnnxruntime();
  switch (verb) {
    case 'install':
      return install(flags, root, onnxruntime, io);
    case 'remove':
      return remove(root, onnxruntime, io);
    case 'status':
      return status(root, onnxruntime, flags.get(CUDA_FLAGS.json), io);
  }
}

function status(root: string, onnxruntime: OnnxruntimeFolder, json: boolean, io: Io): number {
  const linked = linkedTo(onnxruntime);
  const set = cudaSetFor(onnxruntime.version);
  const found = withLinked(listInstallations(root), linked).map((installation) => ({
    folder: installation.directory,
    bytes: bytesOf(installation),
    linked: installation.directory === linked?.directory,
    packages: installation.packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
    missing: missingPackages(installation, set, onnxruntime.version),
  }));
  if (json) {
    io.out(`${JSON.stringify({ onnxruntime: onnxruntime.version, installations: found }, null, 2)}\n`);
  } else if (found.length === 0) {
    io.out(`nothing is installed in '${root}'; 'naiad cuda install' does it\n`);
  } else {
    const rows = found.flatMap(({ packages, missing }) => [
      ...packages.map(({ name, version }) => [name, version, 'installed']),
      ...missing.map(({ name, version }) => [name, version, 'missing']),
    ]);
    io.out(formatTable(['Package', 'Version', 'State'], rows, io.columns));
    for (const { folder, bytes, linked: isLinked } of found)
      io.out(`${folder}: ${megabytes(bytes)} MB, ${isLinked ? 'linked' : 'not linked'}\n`);
  }
  return found.some((each) => each.linked && each.missing.length === 0) ? EXIT.ok : EXIT.failed;
}

function remove(root: string, onnxruntime: OnnxruntimeFolder, io: Io): number {
  const installations = withLinked(listInstallations(root), linkedTo(onnxruntime));
  const bytes = installations.reduce((sum, each) => sum + bytesOf(each), 0);
  if (onnxruntime.folder !== null)
    unlinkProvider(
      onnxruntime.folder,
      installations.map(({ directory }) => directory),
    );
  for (const { directory } of installations) rmSync(directory, { recursive: true, force: true });
  io.out(
    installations.length === 0
      ? `nothing is installed in '${root}'\n`
      : installations.map(({ directory }) => `removed '${directory}'\n`).join('') +
          `${megabytes(bytes)} MB freed; servers that run keep what they have loaded\n`,
  );
  return EXIT.ok;
}

/** The one in use may lie in another folder. */
function withLinked(listed: readonly Installation[], linked: Installation | null): Installation[] {
  return linked === null || listed.some(({ directory }) => directory === linked.directory)
    ? [...listed]
    : [...listed, linked];
}

function linkedTo({ folder }: OnnxruntimeFolder): Installation | null {
  return folder === null ? null : linkedInstallation(folder);
}

function readVerb({ positionals }: ParsedFlags): (typeof VERBS)[number] {
  const [verb = 'status', ...surplus] = positionals;
  const known = VERBS.find((candidate) => candidate === verb);
  if (known === undefined)
    throw new UsageError(
      `unknown word '${verb}'${didYouMean(verb, VERBS) || `; known ones: ${VERBS.join(', ')}`}`,
    );
  if (surplus.length > 0) throw new UsageError(`unexpected argument '${surplus[0]}'`);
  return known;
}

function readRoot(flags: ParsedFlags): string {
  const environment = readEnvironment();
  const text = flags.get(CUDA_FLAGS.folder);
  return text === '' ? join(environment.cacheFolder, 'cuda') : resolve(environment.workingDirectory, text);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
