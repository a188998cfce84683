import type { InstanceOptions } from '../../backend/backend.js';
import type { ImageSpec } from '../../model-config/image-spec.js';
import type { QuantizationSpec } from '../../model-config/quantization.js';
import type { QuantizationReport } from '../../quantize/report.js';
import type { Shape } from '../../tensor/shape.js';
import type { NamedTensor } from '../../tensor/tensor.js';
import type { BuildStep } from './build-message.js';
import type { LiveState } from './live-state.js';

/** A version that is to be loaded. */
export interface ArtifactRequest {
  readonly backend: string;
  /** Hash of the version's files. */
  readonly contentHash: string;
  /** Names of what lies in the version's folder. */
  readonly files: readonly string[];
  /** Of an instance that loads the model as it lies there. */
  readonly options: InstanceOptions;
  /** Of inputs, by name, as the configuration has them, the batch dimension included; -1 = open. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** null = its numbers stay as they are. */
  readonly quantization: QuantizationRequest | null;
}

export interface QuantizationRequest {
  readonly spec: QuantizationSpec;
  /** Absolute paths at which the folder of samples may lie, the first that is there counts; [] = there is none. */
  readonly folders: readonly string[];
  /** Of inputs that take pictures, by name. */
  readonly images: ReadonlyMap<string, ImageSpec>;
  /** Outputs whose numbers are those of classes. */
  readonly classOutputs: ReadonlySet<string>;
}

/** What lanes load. */
export interface PreparedModel {
  /** Absolute path. */
  readonly modelFile: string;
  readonly compiled: boolean;
  /** null when the model is not to be quantized, or it did not come to a report. */
  readonly report: QuantizationReport | null;
  /** Why the original is served where a quantized model was asked for; '' otherwise. */
  readonly shortfall: string;
  /** null unless it is to be quantized by its first requests. */
  readonly live: LiveState | null;
  /** What was done for it just now. */
  readonly steps: readonly BuildStep[];
}

/** The seam behind which models are made ready for the machine. */
export interface Artifacts {
  /**
   * What can't be prepared is loaded as it is. Rejects with an Error for people where the configuration
   * says that nothing is to be served in place of a quantized model.
   */
  prepare(request: ArtifactRequest): Promise<PreparedModel>;
  /** Says that what was prepared could not be loaded, for a reason: it is not used again. */
  distrust(prepared: PreparedModel, reason: string): void;
  /**
   * Quantizes a model that was to record its first requests by these. Tells whether what it is to be loaded
   * from is another now; the state of {@link PreparedModel.live} says why when it is not.
   */
  quantizeLive(prepared: PreparedModel, samples: readonly (readonly NamedTensor[])[]): Promise<boolean>;
}
