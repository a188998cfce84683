import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { announceGpus } from '#naiad/cli/cuda/announce.js';
import { cudaSetFor, providerPackage } from '#naiad/cuda/cuda-set.js';
import { linkProvider, notePackage, readInstallation } from '#naiad/cuda/installation.js';
import { readOnnxruntime } from '#naiad/cuda/onnxruntime-folder.js';
import { openLibrary } from '#naiad/cuda/shared-library.js';
import { elfLibrary, fatbinOf } from '../support/elf.js';

const VERSION = '1.26.0';
const COMMIT = '8c546c37b4';
const folder = mkdtempSync(join(tmpdir(), 'naiad-announce-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const driver = () =>
  ({
    kind: 'present',
    driverVersion: '570.86.15',
    cudaVersion: 12080,
    gpus: [{ index: 0, name: 'Tesla V100', uuid: 'GPU-0', memoryBytes: 16e9, capability: 70 }],
    unreadable: [],
  }) as const;

function onnxruntimeNode() {
  const libraries = join(folder, 'bin/napi-v6', process.platform, process.arch);
  mkdirSync(libraries, { recursive: true });
  writeFileSync(join(libraries, 'libonnxruntime.so.1'), `git-commit-id=${COMMIT}, build type=Release`);
  return readOnnxruntime(folder, { version: VERSION });
}

function install(into: string): void {
  const directory = join(folder, 'cuda', `onnxruntime-${VERSION}-cuda12`);
  mkdirSync(join(directory, 'lib'), { recursive: true });
  const libraries = {
    'libonnxruntime_providers_shared.so': elfLibrary({}),
    'libonnxruntime_providers_cuda.so': elfLibrary({
      needed: ['libcudart.so.12'],
      fatbin: fatbinOf([{ kind: 'sass', architecture: 70 }]),
    }),
    'libcudart.so.12': elfLibrary({ soname: 'libcudart.so.12' }),
  };
  const files = Object.entries(libraries).map(([name, content]) => {
    writeFileSync(join(directory, 'lib', name), content);
    return { name, bytes: content.byteLength };
  });
  for (const each of cudaSetFor(VERSION).packages)
    notePackage(directory, { ...each, sha256: '', files: [], commit: null });
  notePackage(directory, { ...providerPackage(VERSION), sha256: '', files, commit: COMMIT });
  linkProvider(readInstallation(directory), into);
}

function hasDriver(): boolean {
  try {
    openLibrary('libcuda.so.1');
    return true;
  } catch {
    return false;
  }
}

it.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'a server tells of its GPUs where a provider is installed, and of nothing where none is',
  async () => {
    const lines: string[] = [];
    const log = {
      info: (_fields: object, text: string) => lines.push(`info: ${text}`),
      warn: (_fields: object, text: string) => lines.push(`warn: ${text}`),
    };
    const onnxruntime = onnxruntimeNode();
    const sources = { onnxruntime, nvml: driver };
    await announceGpus(log, sources);
    expect(lines).toEqual([]);
    install(onnxruntime.folder ?? '');
    await announceGpus(log, sources);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      hasDriver()
        ? /^info: CUDA libraries loaded for GPU 0 \(Tesla V100, 7\.0\)$/
        : /^warn: no GPU can be used: the driver has no libcuda\.so\.1 here \(.+\)$/,
    );
  },
);
