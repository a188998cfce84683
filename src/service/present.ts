import type { ServingModel } from '../lifecycle/serving-model.js';
import type { InputSpec, OutputSpec } from '../model-config/model-spec.js';
import type { ModelMetadata, ModelStatistics, TensorMetadata } from './views.js';

/** Metadata of a version; `versions` are those that the answer lists. */
export function toModelMetadata({ spec }: ServingModel, versions: readonly number[]): ModelMetadata {
  const toTensor = ({ name, datatype, dims }: InputSpec | OutputSpec): TensorMetadata => ({
    name,
    datatype,
    shape: spec.maxBatchSize > 0 ? [-1, ...dims] : dims,
  });
  return {
    name: spec.name,
    versions: versions.map(String),
    platform: spec.platform === '' ? spec.backend : spec.platform,
    inputs: spec.inputs.map(toTensor),
    outputs: spec.outputs.map(toTensor),
  };
}

/** Counters of a version as a snapshot. */
export function toModelStatistics({ name, version, statistics }: ServingModel): ModelStatistics {
  return {
    name,
    version: String(version),
    lastInference: statistics.lastInference,
    inferenceCount: statistics.inferenceCount,
    executionCount: statistics.executionCount,
    success: { ...statistics.success },
    fail: { ...statistics.fail },
    queue: { ...statistics.queue },
    computeInput: { ...statistics.computeInput },
    computeInfer: { ...statistics.computeInfer },
    computeOutput: { ...statistics.computeOutput },
    cacheHit: { count: 0, ns: 0 },
    cacheMiss: { count: 0, ns: 0 },
    batches: [...statistics.batches]
      .sort(([a], [b]) => a - b)
      .map(([batchSize, { computeInput, computeInfer, computeOutput }]) => ({
        batchSize,
        computeInput: { ...computeInput },
        computeInfer: { ...computeInfer },
        computeOutput: { ...computeOutput },
      })),
    responses: [...statistics.responses]
      .sort(([a], [b]) => a - b)
      .map(([index, { computeInfer, computeOutput, success, fail, empty, cancel }]) => ({
        index,
        computeInfer: { ...computeInfer },
        computeOutput: { ...computeOutput },
        success: { ...success },
        fail: { ...fail },
        empty: { ...empty },
        cancel: { ...cancel },
      })),
  };
}
