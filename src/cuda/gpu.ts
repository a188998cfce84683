/** A GPU as its driver tells of it. */
export interface Gpu {
  /** In the driver's order. */
  readonly index: number;
  readonly name: string;
  readonly uuid: string;
  readonly memoryBytes: number;
  /** Compute capability times ten: 70 is a V100. */
  readonly capability: number;
}

/** Compute capability (times ten) of GPUs by the name that `--gpu` takes. */
export const GPU_CAPABILITIES: Readonly<Record<string, number>> = {
  p100: 60,
  p4: 61,
  p40: 61,
  v100: 70,
  t4: 75,
  rtx20: 75,
  a100: 80,
  a30: 80,
  a10: 86,
  a40: 86,
  rtx30: 86,
  l4: 89,
  l40: 89,
  l40s: 89,
  rtx40: 89,
  h100: 90,
  h200: 90,
  gh200: 90,
  b200: 100,
  rtx50: 120,
};

/** What a GPU can do beyond fp32; facts of its generation, not measured. */
export interface GpuAbilities {
  /** Matrix multiplication in fp16 on tensor cores. */
  readonly fp16TensorCores: boolean;
  readonly int8TensorCores: boolean;
  /** fp32 multiplied in TF32, which ONNX Runtime does by default. */
  readonly tf32: boolean;
  readonly bf16: boolean;
}

export function abilitiesOf({ capability }: Pick<Gpu, 'capability'>): GpuAbilities {
  return {
    fp16TensorCores: capability >= 70,
    int8TensorCores: capability >= 72,
    tf32: capability >= 80,
    bf16: capability >= 80,
  };
}

/** `7.0` for 70. */
export function capabilityText(capability: number): string {
  return `${Math.floor(capability / 10)}.${capability % 10}`;
}
