import { capabilityText } from './gpu.js';

/** A Python package of an exact version. */
export interface Requirement {
  readonly name: string;
  readonly version: string;
}

/** The libraries that a GPU build of ONNX Runtime runs with. */
export interface CudaSet {
  readonly id: 'cuda12' | 'cuda13';
  /** The CUDA version of the runtime libraries times 1000, as drivers count: 12080 is 12.8. */
  readonly cudaVersion: number;
  /** The oldest driver for Linux that runs it. */
  readonly driverMin: string;
  /** Compute capability times ten of the oldest GPU its libraries support. */
  readonly capabilityMin: number;
  readonly packages: readonly Requirement[];
  /** For the message that tells how much is coming, and the check for room on the disk. */
  readonly downloadBytes: number;
  readonly unpackedBytes: number;
}

/**
 * CUDA 12.8 as PyTorch pins it, too: every library in it has code for a V100. 13 has none, nor has cuDNN
 * from 9.11 on.
 */
const CUDA_12: CudaSet = {
  id: 'cuda12',
  cudaVersion: 12080,
  driverMin: '525.60.13',
  capabilityMin: 60,
  packages: [
    { name: 'nvidia-cuda-runtime-cu12', version: '12.8.90' },
    { name: 'nvidia-curand-cu12', version: '10.3.9.90' },
    { name: 'nvidia-nvjitlink-cu12', version: '12.8.93' },
    { name: 'nvidia-cuda-nvrtc-cu12', version: '12.8.93' },
    { name: 'nvidia-cufft-cu12', version: '11.3.3.83' },
    { name: 'nvidia-cublas-cu12', version: '12.8.4.1' },
    { name: 'nvidia-cudnn-cu12', version: '9.10.2.21' },
  ],
  downloadBytes: 1.97e9,
  unpackedBytes: 2.95e9,
};

const CUDA_13: CudaSet = {
  id: 'cuda13',
  cudaVersion: 13000,
  driverMin: '580.65.06',
  capabilityMin: 75,
  packages: [
    { name: 'nvidia-cuda-runtime', version: '13.0.96' },
    { name: 'nvidia-curand', version: '10.4.0.35' },
    { name: 'nvidia-nvjitlink', version: '13.0.88' },
    { name: 'nvidia-cuda-nvrtc', version: '13.0.88' },
    { name: 'nvidia-cufft', version: '12.0.0.61' },
    { name: 'nvidia-cublas', version: '13.0.2.14' },
    { name: 'nvidia-cudnn-cu13', version: '9.13.0.50' },
  ],
  downloadBytes: 1.43e9,
  unpackedBytes: 2.0e9,
};

/** The first version whose GPU build for Linux needs CUDA 13 and holds no code for a V100. */
const FIRST_WITH_CUDA_13 = '1.27.0';
/** The last version of cuDNN with code for a V100. */
export const CUDNN_MAX_FOR_VOLTA = '9.10.2';

/** The libraries for the GPU build of this version of ONNX Runtime. */
export function cudaSetFor(onnxruntimeVersion: string): CudaSet {
  return compareVersions(onnxruntimeVersion, FIRST_WITH_CUDA_13) < 0 ? CUDA_12 : CUDA_13;
}

/** The package with the CUDA provider of this version of ONNX Runtime. */
export function providerPackage(onnxruntimeVersion: string): Requirement {
  return { name: 'onnxruntime-gpu', version: onnxruntimeVersion };
}

/** Why a GPU can not be used with this set, as a sentence; '' when it can. */
export function refusalOf(set: CudaSet, capability: number, onnxruntimeVersion: string): string {
  if (capability >= set.capabilityMin) return '';
  const volta =
    set.id === 'cuda13' && capability >= 60 ? '; onnxruntime-node 1.26.0 is the last one that does' : '';
  return `the GPU build of ONNX Runtime ${onnxruntimeVersion} does not support compute capability ${capabilityText(capability)}${volta}`;
}

/** Compares dotted numbers: negative when `a` is older, 0 when they are the same. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
