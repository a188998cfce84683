import type { ImageSpec } from '../../model-config/image-spec.js';

/** How much a source pixel counts by its distance from the result pixel's centre, in source pixels. */
export interface Kernel {
  /** Beyond this distance the weight is 0. */
  readonly support: number;
  weight(distance: number): number;
}

type Interpolating = Exclude<ImageSpec['kernel'], 'nearest'>;

/** The kernel of a name, with the shapes that Pillow and libvips give to it. */
export function kernelOf(name: Interpolating): Kernel {
  return KERNELS[name];
}

const KERNELS: Readonly<Record<Interpolating, Kernel>> = {
  linear: { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  // Catmull-Rom.
  cubic: { support: 2, weight: (distance) => cubic(distance, 0, 0.5) },
  mitchell: { support: 2, weight: (distance) => cubic(distance, 1 / 3, 1 / 3) },
  lanczos2: lanczos(2),
  lanczos3: lanczos(3),
};

/** The family of Mitchell and Netravali. */
function cubic(distance: number, b: number, c: number): number {
  const x = Math.abs(distance);
  if (x < 1) return ((12 - 9 * b - 6 * c) * x ** 3 + (12 * b + 6 * c - 18) * x ** 2 + (6 - 2 * b)) / 6;
  if (x < 2) {
    return (
      ((-b - 6 * c) * x ** 3 + (6 * b + 30 * c) * x ** 2 + (-12 * b - 48 * c) * x + (8 * b + 24 * c)) / 6
    );
  }
  return 0;
}

function lanczos(lobes: number): Kernel {
  return {
    support: lobes,
    weight: (distance) => (Math.abs(distance) < lobes ? sinc(distance) * sinc(distance / lobes) : 0),
  };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
