import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { availableCores } from './cores.js';

/** What the process finds around itself, read once so that everything behind it is a pure function. */
export interface Environment {
  readonly workingDirectory: string;
  /** The model repository that comes with the package. */
  readonly bundledRepository: string;
  /** Where this server's copies of models go by default: a folder of its own that can be written. */
  readonly cacheFolder: string;
  /** Processors that this process may keep busy. */
  readonly cores: number;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Whether a terminal wants colours (https://no-color.org). */
  readonly colour: boolean;
  /** Whether npm or npx runs this process as a script. */
  readonly underNpm: boolean;
}

export function readEnvironment(): Environment {
  return {
    workingDirectory: process.cwd(),
    bundledRepository: fileURLToPath(new URL('../../model-repository', import.meta.url)),
    cacheFolder: chooseCacheFolder(
      [process.env.XDG_CACHE_HOME ?? '', ...homeCaches()],
      join(tmpdir(), `naiad-${process.getuid?.() ?? 'user'}`),
      canWrite,
    ),
    cores: availableCores(availableParallelism(), readTextOrNull),
    terminal: process.stdout.isTTY === true,
    colour: (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb',
    underNpm: process.env.npm_lifecycle_event !== undefined,
  };
}

/** What CUDA and installations of it are told by the environment; null where a variable is not set. */
export interface CudaEnvironment {
  /** CUDA_VISIBLE_DEVICES: the GPUs that this process may see. */
  readonly visibleDevices: string | null;
  /** CUDA_DEVICE_ORDER: how CUDA numbers GPUs. */
  readonly deviceOrder: string | null;
  /** PIP_INDEX_URL: where this machine takes Python packages from. */
  readonly packageIndex: string | null;
}

export function readCudaEnvironment(): CudaEnvironment {
  return {
    visibleDevices: process.env.CUDA_VISIBLE_DEVICES ?? null,
    deviceOrder: process.env.CUDA_DEVICE_ORDER ?? null,
    packageIndex: process.env.PIP_INDEX_URL || null,
  };
}

/**
 * `naiad` in the first of `caches` that is an absolute path which can be written, else `fallback`.
 * @param canWrite whether a folder can be written, or made where it does not exist
 */
export function chooseCacheFolder(
  caches: readonly string[],
  fallback: string,
  canWrite: (folder: string) => boolean,
): string {
  const cache = caches.find((folder) => isAbsolute(folder) && canWrite(folder));
  return cache === undefined ? fallback : join(cache, 'naiad');
}

/** None for users without a home, as containers have them. */
function homeCaches(): string[] {
  try {
    return [join(homedir(), '.cache')];
  } catch {
    return [];
  }
}

function canWrite(folder: string): boolean {
  if (!existsSync(folder)) return dirname(folder) !== folder && canWrite(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function readTextOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
