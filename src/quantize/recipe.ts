import { createHash } from 'node:crypto';
import type { ImageSpec } from '../model-config/image-spec.js';
import type { QuantizationSpec } from '../model-config/quantization.js';
import type { Shape } from '../tensor/shape.js';
import { canonicalJson } from './canonical-json.js';
import type { Machine } from './machine.js';

/** Of what is written into artifacts and beside them; what an older one wrote is built again. */
const FORMAT = 2;

/** All that decides what an artifact holds, but for the machine that it is built on. */
export interface Recipe {
  /** Of the version's files. */
  readonly contentHash: string;
  /** Path of the model file relative to the version's folder. */
  readonly modelFile: string;
  readonly device: 'cpu' | 'gpu';
  /** As `optimization.graph.level` has it. */
  readonly graphLevel: number;
  /** ONNX Runtime's own entries, `session.*`, that may change the graph as it is optimised. */
  readonly session: Readonly<Record<string, string>>;
  readonly quantization: QuantizationRecipe | null;
}

export interface QuantizationRecipe {
  readonly spec: QuantizationSpec;
  /** How pictures among the samples are decoded, by input. */
  readonly images: Readonly<Record<string, ImageSpec>>;
  /** Of inputs, as the configuration has them: samples without a shape of their own get it. */
  readonly shapes: Readonly<Record<string, Shape>>;
  /** Outputs that the bound for classes is asked of, in alphabetical order. */
  readonly classOutputs: readonly string[];
  /** Hash of the samples that it goes by; '' = of none. */
  readonly samples: string;
}

/** Same key, same artifact: SHA-256 in hexadecimal digits. */
export function artifactKey(recipe: Recipe, machine: Machine): string {
  return createHash('sha256')
    .update(canonicalJson([FORMAT, machine, recipe]))
    .digest('hex');
}
