import type { InstanceOptions } from '../../backend/backend.js';
import type { ImageSpec } from '../../model-config/image-spec.js';
import type { Recipe } from '../../quantize/recipe.js';
import type { QuantizationReport } from '../../quantize/report.js';
import type { Artifact, ArtifactLabel } from '../../repository/artifact-cache.js';
import type { Shape } from '../../tensor/shape.js';

/** Where artifacts are kept. */
export interface BuildCache {
  /** Absolute path. */
  readonly directory: string;
  readonly bytesMax: number;
}

/** What the serving process has built, as plain data. */
export interface BuildRequest {
  readonly cache: BuildCache;
  readonly recipe: Recipe;
  readonly label: ArtifactLabel;
  /** Of an instance that loads the model as it lies there. */
  readonly options: InstanceOptions;
  /** Of the model's files: about what the artifact will have. */
  readonly bytes: number;
  /** Of inputs, by name, as the configuration has them. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** null = the model is compiled as it is. */
  readonly quantization: QuantizationOrder | null;
}

/** What quantizing takes besides the recipe. */
export interface QuantizationOrder {
  /** Absolute path of the folder of samples; null = there is none. */
  readonly samples: string | null;
  /** Of inputs that take pictures, by name. */
  readonly images: ReadonlyMap<string, ImageSpec>;
  /** Outputs whose numbers are those of classes. */
  readonly classOutputs: ReadonlySet<string>;
}

/** What stands beside an artifact. */
export interface ArtifactDetails {
  /** Whether the file is in the form made for the machine. */
  readonly compiled: boolean;
  /** null = it is not quantized. */
  readonly report: QuantizationReport | null;
}

/** A part of a build, and how long it took. */
export interface BuildStep {
  readonly name: string;
  readonly ms: number;
}

export type BuildReply =
  | { readonly kind: 'built'; readonly artifact: Artifact; readonly steps: readonly BuildStep[] }
  /** The cache can't be used now; the reason is for people. */
  | { readonly kind: 'no-cache'; readonly reason: string };

/** Serving process -> build process, one at a time. */
export interface BuildCall {
  readonly kind: 'build';
  /** Leave the processors to others, from now on. */
  readonly gentle: boolean;
  readonly request: BuildRequest;
}

/** Build process -> serving process; the last one of each call is `done` or `failed`. */
export type BuildEvent =
  | { readonly kind: 'done'; readonly reply: BuildReply }
  /** Our own mistake. */
  | { readonly kind: 'failed'; readonly text: string };
