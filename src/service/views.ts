import type { Datatype } from '../tensor/datatype.js';
import type { Shape } from '../tensor/shape.js';

/** What metadata requests are answered with; doors put it into their own form. */
export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: Datatype;
  /** With a leading -1 when the model batches. */
  readonly shape: Shape;
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export type ModelState = 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING' | '';

export interface IndexEntry {
  readonly name: string;
  /** '' for a model that was never loaded. */
  readonly version: string;
  readonly state: ModelState;
  readonly reason: string;
}

export interface DurationStatistic {
  readonly count: number;
  readonly ns: number;
}

export interface BatchStatistic {
  readonly batchSize: number;
  readonly computeInput: DurationStatistic;
  readonly computeInfer: DurationStatistic;
  readonly computeOutput: DurationStatistic;
}

/** Of the answers that were the nth to their requests. */
export interface ResponseStatistic {
  /** From 0. */
  readonly index: number;
  readonly computeInfer: DurationStatistic;
  readonly computeOutput: DurationStatistic;
  readonly success: DurationStatistic;
  readonly fail: DurationStatistic;
  readonly empty: DurationStatistic;
  readonly cancel: DurationStatistic;
}

export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Milliseconds since the epoch; 0 = never. */
  readonly lastInference: number;
  /** Rows. */
  readonly inferenceCount: number;
  /** Batches. */
  readonly executionCount: number;
  readonly success: DurationStatistic;
  readonly fail: DurationStatistic;
  readonly queue: DurationStatistic;
  readonly computeInput: DurationStatistic;
  readonly computeInfer: DurationStatistic;
  readonly computeOutput: DurationStatistic;
  readonly cacheHit: DurationStatistic;
  readonly cacheMiss: DurationStatistic;
  readonly batches: readonly BatchStatistic[];
  /** Of decoupled models that give several answers. */
  readonly responses: readonly ResponseStatistic[];
}
