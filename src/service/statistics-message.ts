import type { BatchStatistic, DurationStatistic, ModelStatistics, ResponseStatistic } from './views.js';

/** Statistics of a version by the names that Triton has for them, in protobuf and in JSON. */
export interface ModelStatisticsMessage {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, DurationStatistic>>;
  readonly response_stats: Readonly<Record<string, ResponseStatisticMessage>>;
  readonly batch_stats: readonly BatchStatisticMessage[];
}

interface ResponseStatisticMessage {
  readonly compute_infer: DurationStatistic;
  readonly compute_output: DurationStatistic;
  readonly success: DurationStatistic;
  readonly fail: DurationStatistic;
  readonly empty_response: DurationStatistic;
  readonly cancel: DurationStatistic;
}

interface BatchStatisticMessage {
  readonly batch_size: number;
  readonly compute_input: DurationStatistic;
  readonly compute_infer: DurationStatistic;
  readonly compute_output: DurationStatistic;
}

/** What both doors answer a question for statistics with. */
export function toStatisticsMessage(statistics: ModelStatistics): ModelStatisticsMessage {
  return {
    name: statistics.name,
    version: statistics.version,
    last_inference: statistics.lastInference,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: statistics.success,
      fail: statistics.fail,
      queue: statistics.queue,
      compute_input: statistics.computeInput,
      compute_infer: statistics.computeInfer,
      compute_output: statistics.computeOutput,
      cache_hit: statistics.cacheHit,
      cache_miss: statistics.cacheMiss,
    },
    response_stats: Object.fromEntries(
      statistics.responses.map((response) => [response.index, toResponseMessage(response)]),
    ),
    batch_stats: statistics.batches.map(toBatchMessage),
  };
}

function toBatchMessage(batch: BatchStatistic): BatchStatisticMessage {
  return {
    batch_size: batch.batchSize,
    compute_input: batch.computeInput,
    compute_infer: batch.computeInfer,
    compute_output: batch.computeOutput,
  };
}

function toResponseMessage(response: ResponseStatistic): ResponseStatisticMessage {
  return {
    compute_infer: response.computeInfer,
    compute_output: response.computeOutput,
    success: response.success,
    fail: response.fail,
    empty_response: response.empty,
    cancel: response.cancel,
  };
}
