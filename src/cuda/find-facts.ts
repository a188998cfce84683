import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { readCudaEnvironment } from '../settings/environment.js';
import { withFile } from './byte-source.js';
import { cudaSetFor } from './cuda-set.js';
import { readDynamic } from './elf.js';
import type { CudaFacts, LibraryFacts, ProviderFacts } from './facts.js';
import { readGpuCode } from './fatbin.js';
import { type Installation, linkedInstallation, missingPackages } from './installation.js';
import { type NvmlFacts, readNvml } from './nvml.js';
import { findOnnxruntime, type OnnxruntimeFolder, PROVIDER_FILES } from './onnxruntime-folder.js';
import { openLibrary, openLibraryForAll } from './shared-library.js';

const NVIDIA = '0x10de';
/** Display controllers; compute-only GPUs are 3D controllers, of the same class. */
const DISPLAY_CLASS = '0x03';
/** Of the libraries a provider names, those that are NVIDIA's. */
const CUDA_LIBRARY = /^lib(cublas|cublasLt|cudart|cudnn|cufft|curand|nvrtc|nvJitLink)\.so\.\d+$/;
/** What a provider for CUDA 13 opens by name while it runs, so that its file does not tell. */
const OPENED_LATER: Readonly<Record<number, readonly string[]>> = { 13: ['libcudnn.so.9', 'libcufft.so.12'] };

/** What {@link findFacts} looks at; tests give it other things. */
export interface FactSources {
  readonly onnxruntime?: OnnxruntimeFolder;
  readonly nvml?: () => NvmlFacts;
  /** Loads no libraries where there is no driver that could use them. */
  readonly onlyWithDriver?: boolean;
}

/**
 * Looks at driver, GPUs, provider and libraries. The CUDA libraries stay loaded, so that afterwards ONNX
 * Runtime finds them in this process. Takes milliseconds where there is no provider. Never throws for what
 * it finds.
 */
export function findFacts(sources: FactSources = {}): CudaFacts {
  const { onnxruntime = findOnnxruntime(), nvml: ask = readNvml, onlyWithDriver = false } = sources;
  const { folder } = onnxruntime;
  const installation = folder === null ? null : linkedInstallation(folder);
  const found = folder === null ? null : findProvider(folder, installation, onnxruntime.version);
  const nvml = ask();
  const { visibleDevices, deviceOrder } = readCudaEnvironment();
  const load = nvml.kind === 'present' || !onlyWithDriver;
  return {
    system: {
      platform: process.platform,
      arch: process.arch,
      pciGpus: countPciGpus('/sys/bus/pci/devices'),
      kernelDriver: readKernelDriver('/proc/driver/nvidia/version'),
      cudaDriverLibrary: opens('libcuda.so.1'),
      visibleDevices,
      deviceOrder,
    },
    onnxruntime,
    nvml,
    provider: found?.provider ?? { kind: 'absent' },
    libraries: ((load && found?.needed) || []).map((soname) => loadCudaLibrary(soname, installation)),
  };
}

function findProvider(
  folder: string,
  installation: Installation | null,
  version: string,
): { provider: ProviderFacts; needed: readonly string[] } {
  const paths = PROVIDER_FILES.map((name) => join(folder, name));
  if (paths.every((path) => lstatSync(path, { throwIfNoEntry: false }) === undefined))
    return { provider: { kind: 'absent' }, needed: [] };
  const gone = paths.find((path) => !existsSync(path));
  if (gone !== undefined)
    return { provider: { kind: 'broken', reason: `'${gone}' is not there, or leads nowhere` }, needed: [] };
  try {
    const [gpuCode, dynamic] = withFile(realpathSync(paths[1] ?? ''), (source) => [
      readGpuCode(source),
      readDynamic(source),
    ]);
    const cudaMajor = majorOf(dynamic.needed);
    const needed = dynamic.needed.filter((soname) => CUDA_LIBRARY.test(soname));
    const later = OPENED_LATER[cudaMajor ?? 0] ?? [];
    const missing = installation === null ? [] : missingPackages(installation, cudaSetFor(version), version);
    return {
      provider: {
        kind: 'present',
        managed: installation !== null,
        commit: installation?.packages.find(({ name }) => name === 'onnxruntime-gpu')?.commit ?? null,
        gpuCode,
        cudaMajor,
        missingPackages: missing.map(({ name, version: wanted }) => `${name} ${wanted}`),
      },
      needed: [...new Set([...needed, ...later])],
    };
  } catch (error) {
    return { provider: { kind: 'broken', reason: `'${paths[1]}': ${messageOf(error)}` }, needed: [] };
  }
}

/** Loads a library, of the installation where it has one of this name, else the system's. */
function loadCudaLibrary(soname: string, installation: Installation | null): LibraryFacts {
  const owner = installation?.packages.find(({ files }) => files.some(({ name }) => name === soname));
  const own =
    installation === null || owner === undefined ? null : join(installation.directory, 'lib', soname);
  try {
    const handle = openLibraryForAll(own ?? soname);
    const told = soname.startsWith('libcudnn.')
      ? cudnnVersion(handle.func('size_t cudnnGetVersion()'))
      : null;
    return {
      soname,
      origin: own === null ? 'system' : 'installed',
      version: owner?.version ?? told,
      error: '',
    };
  } catch (error) {
    return { soname, origin: null, version: owner?.version ?? null, error: messageOf(error) };
  }
}

/** cuDNN 9 counts 91002 for 9.10.2. */
function cudnnVersion(ask: () => unknown): string {
  const version = Number(ask());
  return [Math.floor(version / 10_000), Math.floor(version / 100) % 100, version % 100].join('.');
}

function majorOf(needed: readonly string[]): number | null {
  const cudart = needed.map((soname) => /^libcudart\.so\.(\d+)$/.exec(soname)?.[1]);
  const major = cudart.find((each) => each !== undefined);
  return major === undefined ? null : Number(major);
}

/** NVIDIA's GPUs below `devices`, a folder as `/sys/bus/pci/devices`. */
export function countPciGpus(devices: string): number {
  const read = (device: string, file: string): string => {
    try {
      return readFileSync(join(devices, device, file), 'latin1').trim();
    } catch {
      return '';
    }
  };
  try {
    return readdirSync(devices).filter(
      (device) => read(device, 'vendor') === NVIDIA && read(device, 'class').startsWith(DISPLAY_CLASS),
    ).length;
  } catch {
    return 0;
  }
}

/** The version in a file as `/proc/driver/nvidia/version`; null when there is none. */
export function readKernelDriver(path: string): string | null {
  try {
    return /\b(\d+\.\d+(?:\.\d+)?)\b/.exec(readFileSync(path, 'latin1').replace(/^.*?:/, ''))?.[1] ?? null;
  } catch {
    return null;
  }
}

function opens(name: string): boolean {
  try {
    openLibrary(name);
    return true;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
