import type { GpuCode } from './fatbin.js';
import type { NvmlFacts } from './nvml.js';

/** All that decides whether GPUs can be used, as it was found; `diagnose` judges it. */
export interface CudaFacts {
  readonly system: {
    readonly platform: string;
    readonly arch: string;
    /** NVIDIA's graphics and compute devices on the PCI bus, whether they have a driver or not. */
    readonly pciGpus: number;
    /** The version of the kernel's NVIDIA driver; null when it is not loaded. */
    readonly kernelDriver: string | null;
    /** Whether libcuda.so.1, the driver's part in every program, can be loaded. */
    readonly cudaDriverLibrary: boolean;
    /** `CUDA_VISIBLE_DEVICES`; null when it is not set. */
    readonly visibleDevices: string | null;
    /** `CUDA_DEVICE_ORDER`; null when it is not set. */
    readonly deviceOrder: string | null;
  };
  readonly onnxruntime: {
    readonly version: string;
    /** Null where there are no libraries for this platform. */
    readonly folder: string | null;
    readonly commit: string | null;
  };
  readonly nvml: NvmlFacts;
  readonly provider: ProviderFacts;
  readonly libraries: readonly LibraryFacts[];
}

export type ProviderFacts =
  | { readonly kind: 'absent' }
  /** It is there and can not be read, or a link to it leads nowhere. */
  | { readonly kind: 'broken'; readonly reason: string }
  | {
      readonly kind: 'present';
      /** Whether `naiad cuda install` has brought it. */
      readonly managed: boolean;
      /** What it was built from; null where only the installation could tell and there is none. */
      readonly commit: string | null;
      readonly gpuCode: GpuCode;
      /** Of CUDA, read from the names of the libraries it needs: 12, 13; null when it can't be told. */
      readonly cudaMajor: number | null;
      /** Packages of the installation that are not whole. */
      readonly missingPackages: readonly string[];
    };

export interface LibraryFacts {
  /** As the loader knows it, e.g. `libcudnn.so.9`. */
  readonly soname: string;
  /** Where it comes from; null when it could not be loaded. */
  readonly origin: 'installed' | 'system' | null;
  /** Of the package it came with, or what it says of itself; null when unknown. */
  readonly version: string | null;
  /** Why it could not be loaded; '' when it was. */
  readonly error: string;
}
