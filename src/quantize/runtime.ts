import type { ModelDescription } from '../model-config/description.js';
import type { NamedTensor } from '../tensor/tensor.js';
import type { Sample } from './calibration/collect.js';

/** A loaded model that is run by the thread that asks, one call after the other. */
export interface RunnableModel {
  readonly description: ModelDescription;
  /** All outputs. Rejects with an Error for people. */
  run(inputs: readonly NamedTensor[]): Promise<readonly NamedTensor[]>;
  release(): Promise<void>;
}

/** What runs models while one is being quantized. */
export interface Runtime {
  /**
   * Loads a model as it will be loaded to be served; `compiled`: as {@link Runtime.compile} wrote it.
   * Rejects with an Error for people.
   */
  open(modelFile: string, compiled: boolean): Promise<RunnableModel>;
  /**
   * Writes what the machine makes of a model into an empty folder, as `model.onnx` and what it needs.
   * Returns why it can't be served in that form; '' when it can.
   */
  compile(modelFile: string, directory: string): Promise<string>;
  /** Inputs in the form that calibration takes. */
  toSample(inputs: readonly NamedTensor[]): Sample;
}

/** Inputs of one run each; may be gone through several times. */
export interface SampleSet extends AsyncIterable<readonly NamedTensor[]> {
  readonly kind: 'folder' | 'live' | 'none';
}
