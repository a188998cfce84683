import type { Gpu } from './gpu.js';
import { type LibraryHandle, openLibrary } from './shared-library.js';

/** What NVIDIA's management library told. */
export type NvmlFacts =
  /** The library is not there. */
  | { readonly kind: 'absent' }
  /** It is there and does not work. */
  | { readonly kind: 'failed'; readonly reason: string }
  | {
      readonly kind: 'present';
      readonly driverVersion: string;
      /** The newest CUDA version that the driver runs, times 1000: 12040 is 12.4. */
      readonly cudaVersion: number;
      readonly gpus: readonly Gpu[];
      /** GPUs that can not be asked, and why. */
      readonly unreadable: readonly string[];
    };

/** One function of the library: takes what C takes, with arrays of one element for results; returns its status. */
type NvmlCall = (...args: unknown[]) => number;

/** The functions of the library that are used, by their names in C. */
export interface NvmlLibrary {
  readonly nvmlInit_v2: NvmlCall;
  readonly nvmlShutdown: NvmlCall;
  readonly nvmlSystemGetDriverVersion: NvmlCall;
  readonly nvmlSystemGetCudaDriverVersion_v2: NvmlCall;
  readonly nvmlDeviceGetCount_v2: NvmlCall;
  readonly nvmlDeviceGetHandleByIndex_v2: NvmlCall;
  readonly nvmlDeviceGetName: NvmlCall;
  readonly nvmlDeviceGetUUID: NvmlCall;
  readonly nvmlDeviceGetMemoryInfo: NvmlCall;
  readonly nvmlDeviceGetCudaComputeCapability: NvmlCall;
  readonly nvmlErrorString: (status: number) => string;
}

const TEXT_BYTES = 128;
const GPUS_MAX = 64;
/** total, free, used: three times 64 bits. */
const MEMORY_INFO_BYTES = 24;

/** Asks the library about driver and GPUs. Never throws; quiet and quick where there is none. */
export function readNvml(open: () => NvmlLibrary = openNvml): NvmlFacts {
  let library: NvmlLibrary;
  try {
    library = open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return reason.includes('cannot open shared object file')
      ? { kind: 'absent' }
      : { kind: 'failed', reason };
  }
  const status = library.nvmlInit_v2();
  if (status !== 0) return { kind: 'failed', reason: library.nvmlErrorString(status) };
  try {
    return readAll(library);
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  } finally {
    library.nvmlShutdown();
  }
}

function readAll(library: NvmlLibrary): NvmlFacts {
  const gpus: Gpu[] = [];
  const unreadable: string[] = [];
  const count = Math.min(
    GPUS_MAX,
    number(library, (out) => library.nvmlDeviceGetCount_v2(out)),
  );
  for (let index = 0; index < count; index++) {
    try {
      gpus.push(readGpu(library, index));
    } catch (error) {
      unreadable.push(`GPU ${index}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return {
    kind: 'present',
    driverVersion: text(library, (out) => library.nvmlSystemGetDriverVersion(out, TEXT_BYTES)),
    cudaVersion: number(library, (out) => library.nvmlSystemGetCudaDriverVersion_v2(out)),
    gpus,
    unreadable,
  };
}

function readGpu(library: NvmlLibrary, index: number): Gpu {
  const handle: unknown[] = [null];
  check(library, library.nvmlDeviceGetHandleByIndex_v2(index, handle));
  const [device] = handle;
  const memory = Buffer.alloc(MEMORY_INFO_BYTES);
  check(library, library.nvmlDeviceGetMemoryInfo(device, memory));
  const major = [0];
  const minor = [0];
  check(library, library.nvmlDeviceGetCudaComputeCapability(device, major, minor));
  return {
    index,
    name: text(library, (out) => library.nvmlDeviceGetName(device, out, TEXT_BYTES)),
    uuid: text(library, (out) => library.nvmlDeviceGetUUID(device, out, TEXT_BYTES)),
    memoryBytes: Number(memory.readBigUInt64LE(0)),
    capability: (major[0] ?? 0) * 10 + (minor[0] ?? 0),
  };
}

function text(library: NvmlLibrary, call: (out: Buffer) => number): string {
  const out = Buffer.alloc(TEXT_BYTES);
  check(library, call(out));
  const end = out.indexOf(0);
  return out.toString('utf8', 0, end < 0 ? TEXT_BYTES : end);
}

function number(library: NvmlLibrary, call: (out: number[]) => number): number {
  const out = [0];
  check(library, call(out));
  return out[0] ?? 0;
}

function check(library: NvmlLibrary, status: number): void {
  if (status !== 0) throw new Error(library.nvmlErrorString(status));
}

/** The driver's library. Throws an Error where there is none. */
export function openNvml(name = 'libnvidia-ml.so.1'): NvmlLibrary {
  const library: LibraryHandle = openLibrary(name);
  const declare = (definition: string): NvmlCall => library.func(definition) as NvmlCall;
  return {
    nvmlInit_v2: declare('int nvmlInit_v2()'),
    nvmlShutdown: declare('int nvmlShutdown()'),
    nvmlSystemGetDriverVersion: declare('int nvmlSystemGetDriverVersion(void *version, unsigned int length)'),
    nvmlSystemGetCudaDriverVersion_v2: declare('int nvmlSystemGetCudaDriverVersion_v2(_Out_ int *version)'),
    nvmlDeviceGetCount_v2: declare('int nvmlDeviceGetCount_v2(_Out_ unsigned int *count)'),
    nvmlDeviceGetHandleByIndex_v2: declare(
      'int nvmlDeviceGetHandleByIndex_v2(unsigned int index, _Out_ void **device)',
    ),
    nvmlDeviceGetName: declare('int nvmlDeviceGetName(void *device, void *name, unsigned int length)'),
    nvmlDeviceGetUUID: declare('int nvmlDeviceGetUUID(void *device, void *uuid, unsigned int length)'),
    nvmlDeviceGetMemoryInfo: declare('int nvmlDeviceGetMemoryInfo(void *device, void *memory)'),
    nvmlDeviceGetCudaComputeCapability: declare(
      'int nvmlDeviceGetCudaComputeCapability(void *device, _Out_ int *major, _Out_ int *minor)',
    ),
    nvmlErrorString: library.func('const char *nvmlErrorString(int status)') as (status: number) => string,
  };
}
