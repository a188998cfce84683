import type { BatchStatistic, ModelStatistics, ResponseStatistic } from '../../service/views.js';
import { jsonReply } from '../reply.js';
import type { Route } from '../route.js';

/** How often and how long models have run. */
export const STATISTICS_ROUTES: readonly Route[] = [
  {
    pattern: /^\/v2\/models\/stats$/,
    methods: ['GET'],
    category: 'statistics',
    contentType: 'application/json',
    answer: ({ service }) => jsonReply(toJson(service.modelStatistics('', ''))),
  },
  {
    pattern: /^\/v2\/models\/(?<model>[^/]+)(?:\/versions\/(?<version>\d+))?\/stats$/,
    methods: ['GET'],
    category: 'statistics',
    contentType: 'application/json',
    answer: ({ service }, _request, { model = '', version = '' }) =>
      jsonReply(toJson(service.modelStatistics(model, version))),
  },
];

function toJson(statistics: readonly ModelStatistics[]): object {
  return { model_stats: statistics.map(toModelJson) };
}

function toModelJson(statistics: ModelStatistics): object {
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
      statistics.responses.map((response) => [response.index, toResponseJson(response)]),
    ),
    batch_stats: statistics.batches.map(toBatchJson),
    memory_usage: [],
  };
}

function toBatchJson({ batchSize, computeInput, computeInfer, computeOutput }: BatchStatistic): object {
  return {
    batch_size: batchSize,
    compute_input: computeInput,
    compute_infer: computeInfer,
    compute_output: computeOutput,
  };
}

function toResponseJson(response: ResponseStatistic): object {
  return {
    compute_infer: response.computeInfer,
    compute_output: response.computeOutput,
    success: response.success,
    fail: response.fail,
    empty_response: response.empty,
    cancel: response.cancel,
  };
}
